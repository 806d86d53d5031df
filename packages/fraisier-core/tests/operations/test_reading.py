"""Looking: status, drift, health, logs, the list, and the provider's own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import PreFlightError, RolledBackError, TargetError
from fraisier.engine import reading
from fraisier.engine.reading import HealthReport, ListedFraise, ProviderTest, StatusReport

from .conftest import Operator
from .scripted import revision_of

NAMES = {"fraise": "my_api", "environment": "production", "provider": "scripted"}
DRIFT = f"the history says v1 ({revision_of('v1')[:7]}), the target tells v2 ({revision_of('v2')[:7]})"


def status(operator: Operator) -> StatusReport:
    return reading.status(operator.project, operator.place, operator.display.warn)


def health(operator: Operator) -> HealthReport:
    return reading.health(operator.project, operator.place, operator.display.warn)


def test_the_status_is_what_the_target_tells(operator: Operator) -> None:
    operator.elsewhere().deploy("v1")
    assert status(operator) == StatusReport(
        **NAMES,
        state="running",
        version="v1",
        revision=revision_of("v1"),
        since=None,
        details={"file": "target.json"},
    )


def test_where_nothing_was_deployed_the_status_has_no_version(operator: Operator) -> None:
    told = status(operator)
    assert (told.state, told.version, told.revision, told.details) == ("stopped", None, None, {})


def test_a_difference_from_the_history_is_shown_and_not_smoothed_over(operator: Operator) -> None:
    operator.deploy("v1")
    operator.elsewhere().deploy("v2")
    assert status(operator).details == {"file": "target.json", "drift": DRIFT}
    assert status(operator).version == "v2"
    assert operator.state().version == "v1"


def test_a_deployment_warns_of_a_difference_from_the_history(operator: Operator) -> None:
    operator.deploy("v1")
    operator.elsewhere().deploy("v2")
    done = operator.deploy("v3")
    assert operator.warnings() == [DRIFT]
    assert done.previous_version == "v2"
    assert "drift" not in status(operator).details


def test_a_rolled_back_deployment_makes_no_difference(operator: Operator) -> None:
    operator.deploy("v1")
    operator.elsewhere().deploy("v2")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert "drift" not in status(operator).details
    assert operator.state().version == "v2"


def test_looking_ends_the_record_of_a_deployment_that_was_killed(operator: Operator) -> None:
    operator.record("v1", process_started="before this process")
    status(operator)
    assert operator.statuses() == ["interrupted"]


def test_the_list_ends_the_record_of_a_deployment_that_was_killed(operator: Operator) -> None:
    operator.record("v1", process_started="before this process")
    [listed] = reading.listed(operator.project)
    assert listed.status == "interrupted"


def test_many_targets_are_asked_and_one_that_cannot_be_asked_is_unknown(operator: Operator) -> None:
    operator.deploy("v1")
    config = {"file": "target.json"}
    for number in range(12):
        operator.more[f"copy-{number}"] = {"provider": "scripted", "config": config}
    operator.more["away"] = {"provider": "scripted", "config": {**config, "unreachable": ["status"]}}
    operator.more["wrong"] = {"provider": "scripted", "config": {**config, "fil": "x"}}
    operator.more["lost"] = {"provider": "nowhere"}
    project = operator.project
    reports = reading.statuses(project, list(project.config.places.values()), operator.display.warn)
    assert [report.environment for report in reports] == ["production", *operator.more]
    assert {report.version for report in reports[:13]} == {"v1"}
    away, wrong, lost = reports[13:]
    assert (away.state, away.version) == ("unknown", None)
    assert away.details == {"error": "no route to away; look at the cable"}
    assert 'unknown key; did you mean "file"?' in wrong.details["error"]
    assert 'no provider named "nowhere" is installed' in lost.details["error"]


def test_health_is_one_probe(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    found = health(operator)
    assert (found.healthy, found.detail) == (True, "got 200 from v1")
    assert operator.calls() == ["health"]
    operator.options["sick"] = ["v1"]
    found = health(operator)
    assert (found.healthy, found.detail) == (False, "got 500 from v1")


def test_health_wants_the_version_that_the_target_tells(operator: Operator, tmp_path: Path) -> None:
    operator.deploy("v1")
    answer = tmp_path / "answer"
    operator.health_check = {"command": f"cat '{answer}'", "expect_body": "I am {version}"}
    answer.write_text("I am v1")
    assert health(operator).healthy
    answer.write_text("I am v2")
    found = health(operator)
    assert not found.healthy
    assert found.detail.endswith("with 'I am v2', want 'I am v1' in it")
    assert found.latency_seconds is not None


@pytest.mark.parametrize(("hook", "body"), [("health", None), ("status", "{version}")])
def test_a_target_that_cannot_be_asked_is_not_healthy(operator: Operator, hook: str, body: str | None) -> None:
    operator.options["unreachable"] = [hook]
    operator.health_check = {"command": "true", "expect_body": body}
    found = health(operator)
    assert (found.healthy, found.detail, found.latency_seconds) == (False, "no route to production", None)


def test_logs_are_the_service_s_own(operator: Operator) -> None:
    operator.deploy("v1")
    lines = list(reading.logs(operator.project, operator.place, 2, False, operator.display.warn))
    assert lines == ["line 98 of v1", "line 99 of v1"]


def test_logs_are_given_as_they_come(operator: Operator) -> None:
    operator.deploy("v1")
    lines = reading.logs(operator.project, operator.place, 1, True, operator.display.warn)
    assert next(lines) == "line 99 of v1"
    with pytest.raises(TargetError, match="the connection was cut"):
        next(lines)


def test_logs_that_nobody_reads_on_end_their_connection(operator: Operator) -> None:
    operator.deploy("v1")
    calls = operator.folder / "target.json.calls"
    calls.unlink()
    lines = reading.logs(operator.project, operator.place, 2, True, operator.display.warn)
    assert next(lines) == "line 98 of v1"
    assert calls.read_text().split() == ["open", "logs"]
    del lines
    assert calls.read_text().split() == ["open", "logs", "close"]


def test_the_list_is_what_the_history_knows_and_asks_no_target(operator: Operator) -> None:
    operator.more["staging"] = {"provider": "standby"}
    done = operator.deploy("v1")
    operator.calls()
    production, staging = reading.listed(operator.project)
    assert production == ListedFraise(
        **NAMES, type="api", version="v1", status="success", deployed_at=done.finished_at
    )
    assert (staging.environment, staging.provider) == ("staging", "standby")
    assert (staging.version, staging.status, staging.deployed_at) == (None, None, None)
    assert operator.calls() == []


def test_the_list_tells_the_last_success_and_how_the_last_attempt_ended(operator: Operator) -> None:
    done = operator.deploy("v1")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    [listed] = reading.listed(operator.project)
    assert (listed.version, listed.status, listed.deployed_at) == ("v1", "rolled_back", done.finished_at)


@pytest.mark.parametrize(
    ("options", "passed", "names"),
    [
        ({}, True, ["disk"]),
        ({"poor": ["space"]}, True, ["disk", "space"]),
        ({"unready": ["git"]}, False, ["disk", "git"]),
    ],
)
def test_a_provider_test_is_the_checks_and_nothing_else(
    operator: Operator, options: dict[str, Any], passed: bool, names: list[str]
) -> None:
    operator.options.update(options)
    found: ProviderTest = reading.provider_test(operator.project, operator.place, operator.display.warn)
    assert (found.passed, [check.name for check in found.checks]) == (passed, names)
    assert operator.calls() == ["pre_flight"]


def test_a_provider_test_of_a_target_that_cannot_be_asked_fails_as_the_deployment_would(
    operator: Operator,
) -> None:
    operator.options["unreachable"] = ["pre_flight"]
    with pytest.raises(PreFlightError, match="pre-flight failed: no route to production; look at the cable"):
        reading.provider_test(operator.project, operator.place, operator.display.warn)
