"""A deployment that goes well, and what is looked at on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fraisier import (
    DeploymentLockedError,
    PreFlightError,
    ProviderError,
    UnhealthyError,
)
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock, list_locks
from fraisier.testing.fakes import RecordingDisplay

from .conftest import Operator
from .scripted import revision_of


def test_a_deployment_goes_in_order(operator: Operator) -> None:
    operator.deploy("v1")
    assert operator.calls() == ["pre_flight", "status", "deploy v1", "health"]
    assert operator.display.shown == [
        "pre-flight ...",
        "pre-flight: success",
        "fetch ...",
        "| fetching v1",
        "fetch: success",
        "switch ...",
        "switch: success",
        "start ...",
        "start: success",
        "health ...",
        "health: success",
    ]
    assert operator.in_service() == "v1"


def test_a_success_is_recorded_whole(operator: Operator) -> None:
    operator.deploy("v1")
    done = operator.deploy("v2")
    assert operator.rows()[-1] == done
    assert (done.kind, done.status, done.error, done.provider) == ("deploy", "success", None, "scripted")
    assert (done.version, done.revision) == ("v2", revision_of("v2"))
    assert (done.previous_version, done.previous_revision) == ("v1", revision_of("v1"))
    assert [(step.name, step.status) for step in done.steps] == [
        (name, "success") for name in ("pre-flight", "fetch", "switch", "start", "health")
    ]
    assert all(step.seconds >= 0 for step in done.steps)
    assert done.finished_at is not None
    assert operator.state().deployed_at == done.finished_at
    assert (operator.state().version, operator.state().status) == ("v2", "success")


def test_the_first_deployment_replaces_nothing(operator: Operator) -> None:
    done = operator.deploy("v1")
    assert (done.previous_version, done.previous_revision) == (None, None)


def test_without_a_version_the_provider_chooses(operator: Operator) -> None:
    assert operator.deploy().version == "v1"


def test_while_it_lasts_the_lock_is_held_and_the_row_is_running(operator: Operator) -> None:
    project, seen = operator.project, []

    class Looking(RecordingDisplay):
        def step_started(self, name: str) -> None:
            with project.database() as database:
                locks, row = list_locks(database), History(database).recent()[0]
            seen.append((name, [lock.deployment for lock in locks] == [row.id], row.status))

    operator.display = Looking()
    operator.deploy("v1")
    assert seen == [(name, True, "running") for name in ("pre-flight", "fetch", "switch", "start", "health")]
    with project.database() as database:
        assert list_locks(database) == []


def test_all_hooks_share_one_connection_which_is_closed_at_the_end(operator: Operator) -> None:
    operator.deploy("v1")
    said = (operator.folder / "target.json.calls").read_text().splitlines()
    assert (said[0], said[-1], said.count("open"), said.count("close")) == ("open", "close", 1, 1)


def test_deploying_what_is_in_service_is_a_success_with_nothing_done(operator: Operator) -> None:
    first = operator.deploy("v1")
    operator.calls()
    done = operator.deploy("v1")
    assert (done.status, done.version, done.revision) == ("unchanged", "v1", revision_of("v1"))
    assert operator.calls() == ["pre_flight", "status", "deploy v1", "health"]
    assert [step.name for step in done.steps] == ["pre-flight", "health"]
    assert operator.state().deployed_at == first.finished_at


def test_what_is_in_service_and_not_healthy_is_told_and_left(operator: Operator) -> None:
    operator.deploy("v1")
    operator.deploy("v2")
    operator.options["sick"] = ["v2"]
    operator.calls()
    with pytest.raises(UnhealthyError, match="got 500 from v2") as caught:
        operator.deploy("v2")
    assert caught.value.exit_code == 7
    assert operator.calls() == ["pre_flight", "status", "deploy v2", "health", "logs"]
    assert operator.in_service() == "v2"
    assert operator.statuses() == ["success", "success", "failed"]


def test_force_puts_it_in_service_again(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    assert operator.deploy("v1", force=True).status == "success"
    assert operator.calls() == ["pre_flight", "status", "deploy v1 by force", "health"]


def test_a_failed_check_stops_the_deployment_before_anything_is_touched(operator: Operator) -> None:
    operator.deploy("v1")
    operator.options["unready"] = ["git"]
    operator.calls()
    with pytest.raises(PreFlightError) as caught:
        operator.deploy("v2")
    error = caught.value
    assert (error.exit_code, str(error)) == (5, "pre-flight failed: git: looked at; mend git")
    assert error.problems == ["git: looked at; mend git"]
    assert operator.calls() == ["pre_flight"]
    row = operator.rows()[-1]
    assert (row, row.status) == (error.deployment, "failed")
    assert row.error == {
        "kind": "pre_flight",
        "code": 5,
        "message": "pre-flight failed: git: looked at",
        "problems": ["git: looked at; mend git"],
        "step": "pre-flight",
        "hint": "mend git",
    }


def test_pre_flight_knows_which_version_is_asked_for(operator: Operator) -> None:
    operator.options["missing"] = ["v9"]
    with pytest.raises(PreFlightError, match="version: no v9"):
        operator.deploy("v9")
    assert [check.detail for check in operator.plan("v9").checks if not check.passed] == ["no v9"]
    assert operator.plan().checks == operator.plan("v8").checks
    operator.deploy("v8")
    operator.deploy("v7")
    # What a rollback goes to was asked for before.
    operator.options["missing"] = ["v8"]
    assert operator.rollback("v8").status == "success"


def test_all_failed_checks_are_told_at_once(operator: Operator) -> None:
    operator.options["unready"] = ["git", "port"]
    with pytest.raises(PreFlightError, match="pre-flight failed: 2 checks: git, port") as caught:
        operator.deploy("v1")
    assert caught.value.problems == ["git: looked at; mend git", "port: looked at; mend port"]


def test_a_check_that_is_not_required_is_a_warning(operator: Operator) -> None:
    operator.options["poor"] = ["space"]
    assert operator.deploy("v1").status == "success"
    assert operator.warnings() == ["space: looked at; mend space"]


@pytest.mark.parametrize("hook", ["pre_flight", "status"])
def test_a_target_that_cannot_be_asked_is_not_ready(operator: Operator, hook: str) -> None:
    operator.options["unreachable"] = [hook]
    with pytest.raises(PreFlightError) as caught:
        operator.deploy("v1")
    assert str(caught.value) == "pre-flight failed: no route to production; look at the cable"
    assert caught.value.command == "ping"
    assert operator.in_service() is None


def test_a_locked_target_is_left_alone_and_nothing_is_recorded(operator: Operator) -> None:
    database = operator.project.database_path
    with (
        DeploymentLock("my_api:production", "scripted", database=database, holder="bob@ci"),
        pytest.raises(DeploymentLockedError, match="locked by bob@ci") as caught,
    ):
        operator.deploy("v1")
    assert caught.value.exit_code == 4
    assert (operator.rows(), operator.calls()) == ([], [])


def test_a_lock_can_be_waited_for(operator: Operator) -> None:
    lock = DeploymentLock(
        "my_api:production", "scripted", database=operator.project.database_path, holder="bob@ci"
    )

    class Releasing(RecordingDisplay):
        def note(self, text: str) -> None:
            super().note(text)
            lock.__exit__()

    operator.display = Releasing()
    lock.__enter__()
    assert operator.deploy("v1", wait_lock=60.0).status == "success"
    assert operator.display.shown[0].startswith("waiting: my_api:production is locked by bob@ci")


def test_a_provider_that_is_missing_ends_the_deployment_before_it_begins(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(ProviderError, match='no provider named "scripted"') as caught:
        operator.deploy("v1")
    assert caught.value.exit_code == 10
    assert operator.rows() == []


def test_a_dry_run_looks_and_changes_and_records_nothing(operator: Operator, tmp_path: Path) -> None:
    operator.elsewhere().deploy("v1")
    operator.calls()
    operator.write()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    operator.options["poor"] = ["space"]
    plan = operator.plan("v2")
    assert operator.calls() == ["pre_flight", "status"]
    operator.options.clear()
    operator.write()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert (plan.dry_run, plan.version, plan.current_version) == (True, "v2", "v1")
    assert plan.current_revision == revision_of("v1")
    assert [(check.name, check.passed) for check in plan.checks] == [("disk", True), ("space", False)]
    assert json.loads((tmp_path / "target.json").read_text())["version"] == "v1"


@pytest.mark.parametrize("hook", ["pre_flight", "status"])
def test_a_dry_run_fails_as_the_deployment_would(operator: Operator, hook: str) -> None:
    operator.options["unreachable"] = [hook]
    with pytest.raises(PreFlightError, match="pre-flight failed: no route to production"):
        operator.plan("v1")
