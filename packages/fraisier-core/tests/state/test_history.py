from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fraisier import Deployment, InternalError, Release, Secret, Step
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History

Begin = Callable[..., Deployment]


def test_an_attempt_is_recorded_as_running(history: History, begin: Begin) -> None:
    before = datetime.now(UTC)
    started = begin()
    assert history.get("id-1") == started
    assert before <= started.started_at <= datetime.now(UTC)
    assert started == Deployment(
        id="id-1",
        identifier="my_api:production:1",
        kind="deploy",
        fraise="my_api",
        environment="production",
        provider="local",
        status="running",
        version="v1",
        revision=None,
        previous_version=None,
        previous_revision=None,
        started_at=started.started_at,
        finished_at=None,
        duration_seconds=None,
        user="alice@laptop",
        error=None,
        steps=[],
    )


def test_attempts_are_counted_per_fraise_and_environment(begin: Begin) -> None:
    names = [begin().identifier, begin(environment="staging").identifier, begin(provider="compose").identifier]
    assert names == ["my_api:production:1", "my_api:staging:1", "my_api:production:2"]


def test_all_that_is_noted_comes_back_from_another_connection(history: History, begin: Begin, path: Path) -> None:
    begin()
    steps = [
        Step(name="fetch", seconds=1.5, status="success"),
        Step(name="health", seconds=0.25, status="failed"),
    ]
    error = {"kind": "rolled_back", "code": 8, "message": "got 500 from café", "problems": ["a"], "log": ["x\ny"]}
    history.note_previous("id-1", "v0", "000")
    history.note_deployed("id-1", "v1", "abc", {"folder": "releases/7", "ports": [1, 2], "none": None})
    ended = history.finish("id-1", status="rolled_back", error=error, steps=steps)
    with StateDatabase.open(path) as other:
        found = History(other).get("id-1")
    assert found == ended
    assert found is not None
    assert (found.previous_version, found.previous_revision) == ("v0", "000")
    assert (found.version, found.revision, found.status) == ("v1", "abc", "rolled_back")
    assert (found.error, found.steps) == (error, steps)
    assert found.finished_at is not None
    assert found.finished_at.tzinfo is UTC
    assert found.duration_seconds == pytest.approx((found.finished_at - found.started_at).total_seconds())


def test_a_success_is_what_the_state_tells(history: History, begin: Begin) -> None:
    begin()
    ended = history.finish("id-1", status="success", version="v1", revision="abc", details={"folder": "r/1"})
    state = history.fraise_state("my_api", "production")
    assert state is not None
    assert (state.status, state.version, state.revision, state.provider, state.type) == (
        "success",
        "v1",
        "abc",
        "local",
        "api",
    )
    assert state.deployed_at == ended.finished_at
    assert history.fraise_states() == {("my_api", "production"): state}


@pytest.mark.parametrize("status", ["failed", "rolled_back", "interrupted"])
def test_an_attempt_without_success_changes_only_the_status(history: History, begin: Begin, status: str) -> None:
    begin()
    history.finish("id-1", status="success", revision="abc")
    first = history.fraise_state("my_api", "production")
    begin(version="v2", provider="compose")
    history.finish("id-2", status=status, revision="def")  # type: ignore[arg-type] # one of the literals
    state = history.fraise_state("my_api", "production")
    assert first is not None
    assert state is not None
    assert (state.status, state.version, state.revision, state.provider) == (status, "v1", "abc", "local")
    assert state.deployed_at == first.deployed_at


def test_unchanged_tells_what_is_in_service_and_not_when_it_came(history: History, begin: Begin) -> None:
    begin()
    history.finish("id-1", status="unchanged", version="v1", revision="abc")
    state = history.fraise_state("my_api", "production")
    assert state is not None
    assert (state.status, state.version, state.revision, state.deployed_at) == ("unchanged", "v1", "abc", None)


def test_the_state_follows_the_newest_attempt_when_an_older_one_ends_late(history: History, begin: Begin) -> None:
    begin()
    begin(version="v2")
    history.finish("id-2", status="success", revision="def")
    history.finish("id-1", status="failed")
    state = history.fraise_state("my_api", "production")
    assert state is not None
    assert state.status == "success"


def test_the_first_end_of_an_attempt_stays(history: History, begin: Begin) -> None:
    begin()
    first = history.finish("id-1", status="success", revision="abc")
    assert history.finish("id-1", status="failed", error={"kind": "target"}) == first


def test_a_deployment_that_is_not_there_is_a_defect(history: History) -> None:
    assert history.get("nobody") is None
    assert history.fraise_state("my_api", "production") is None
    with pytest.raises(InternalError, match="no deployment nobody in the history"):
        history.note_previous("nobody", "v1", "abc")
    with pytest.raises(InternalError, match="no deployment nobody in the history"):
        history.finish("nobody", status="success")


def test_only_success_is_a_candidate_for_a_rollback_newest_first(history: History, begin: Begin) -> None:
    for number, (status, kind, provider) in enumerate(
        [
            ("success", "deploy", "local"),
            ("failed", "deploy", "local"),
            ("success", "rollback", "local"),
            ("unchanged", "deploy", "local"),
            ("success", "deploy", "compose"),
            ("rolled_back", "deploy", "local"),
            ("interrupted", "deploy", "local"),
        ],
        start=1,
    ):
        begin(kind=kind, provider=provider)
        history.finish(f"id-{number}", status=status, revision=f"r{number}", details={"n": number})  # type: ignore[arg-type] # one of the literals
    begin()
    found = history.successes("my_api", "production")
    assert [each.deployment.id for each in found] == ["id-5", "id-3", "id-1"]
    assert found[0].release == Release(version="v1", revision="r5", details={"n": 5})
    assert [each.deployment.id for each in history.successes("my_api", "production", "local")] == ["id-3", "id-1"]
    assert [each.deployment.id for each in history.successes("my_api", "production", limit=1)] == ["id-5"]
    assert history.successes("my_api", "staging") == []


def test_the_order_of_successes_survives_a_clock_that_was_put_back(
    history: History, begin: Begin, database: StateDatabase
) -> None:
    for number in (1, 2):
        begin()
        history.finish(f"id-{number}", status="success", revision=f"r{number}")
    database.write("UPDATE tb_deployment SET started_at = '2020-01-01T00:00:00.000000Z' WHERE id = 'id-2'")
    assert [each.release.revision for each in history.successes("my_api", "production")] == ["r2", "r1"]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "unknown"),
        (["failed"], "not_success"),
        (["interrupted", "rolled_back"], "not_success"),
        (["failed", "success", "failed"], "success"),
        (["unchanged"], "success"),
    ],
)
def test_the_outcome_of_a_revision_is_the_best_of_its_attempts(
    history: History, begin: Begin, statuses: list[str], expected: str
) -> None:
    for number, status in enumerate(statuses, start=1):
        begin()
        history.finish(f"id-{number}", status=status, revision="abc")  # type: ignore[arg-type] # one of the literals
    begin(environment="staging")
    history.note_deployed(f"id-{len(statuses) + 1}", "v1", "abc", {})
    assert history.outcome_of("my_api", "production", "abc") == expected


def test_an_attempt_that_still_runs_is_no_success(history: History, begin: Begin) -> None:
    begin()
    history.note_deployed("id-1", "v1", "abc", {})
    assert history.outcome_of("my_api", "production", "abc") == "not_success"


def test_recent_filters_and_gives_the_newest_first(history: History, begin: Begin) -> None:
    begin()
    begin(environment="staging")
    begin(fraise="worker")
    last = begin()

    def ids(**filters: object) -> list[str]:
        return [each.id for each in history.recent(**filters)]  # type: ignore[arg-type] # as the table has them

    assert ids() == ["id-4", "id-3", "id-2", "id-1"]
    assert ids(limit=2) == ["id-4", "id-3"]
    assert ids(fraise="my_api") == ["id-4", "id-2", "id-1"]
    assert ids(environment="production") == ["id-4", "id-3", "id-1"]
    assert ids(fraise="my_api", environment="production") == ["id-4", "id-1"]
    assert ids(since=last.started_at) == ["id-4"]
    assert ids(since=last.started_at + timedelta(seconds=1)) == []


def test_the_configuration_is_kept_once_per_provider_and_brought_up_to_date(
    begin: Begin, database: StateDatabase
) -> None:
    begin()
    begin(configuration={"branch": "next"})
    begin(provider="compose", configuration={})
    rows = database.rows("SELECT * FROM v_provider_config ORDER BY identifier")
    assert [(row["identifier"], row["configuration"]) for row in rows] == [
        ("my_api:production:compose", "{}"),
        ("my_api:production:local", '{"branch":"next"}'),
    ]
    assert rows[1]["created_at"] < rows[1]["updated_at"]


def test_a_secret_that_gets_as_far_as_the_history_is_kept_as_a_mask(begin: Begin, path: Path) -> None:
    begin(configuration={"token": Secret("hunter2"), "keys": [Secret("hunter2")]})
    stored = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"hunter2" not in stored
    assert b'{"token":"***","keys":["***"]}' in stored
