"""A deployment that fails: what is in service afterwards, and what the failure tells."""

from __future__ import annotations

import json

import pytest
from fraisier import (
    DeploymentFailedError,
    DeploymentLockedError,
    FraisierError,
    ProviderError,
    RollbackFailedError,
    RolledBackError,
    UnhealthyError,
)
from fraisier.engine import reading

from .conftest import Operator, told
from .scripted import revision_of

BACK = "rolled back to v1 (" + revision_of("v1")[:7] + ")"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("broken", "my_api:production is not healthy after N s: got 500 from broken"),
        ("half", "start failed"),
        ("outage", "no space left"),
        ("mute", "start failed"),
        ("crash late", 'provider "scripted" (acme-scripted 1.2.3) failed in deploy: it raised ValueError: boom'),
        ("health crash", 'provider "scripted" (acme-scripted 1.2.3) failed in health: it raised ValueError: boom'),
    ],
)
def test_what_was_changed_is_rolled_back(operator: Operator, version: str, message: str) -> None:
    operator.deploy("v1")
    with pytest.raises(RolledBackError) as caught:
        operator.deploy(version)
    error = caught.value
    assert (error.exit_code, told(error.message)) == (8, f"{message}; {BACK}")
    assert operator.in_service() == "v1"
    assert reading.status(operator.project, operator.place, operator.display.warn).state == "running"
    row = operator.rows()[-1]
    assert row == error.deployment
    assert (row.status, row.previous_version, row.previous_revision) == ("rolled_back", "v1", revision_of("v1"))
    assert row.error is not None
    assert (row.error["kind"], row.error["code"], row.error["message"]) == ("rolled_back", 8, error.message)
    assert operator.warnings() == [f"{message}; going back to v1 ({revision_of('v1')[:7]})"]


def test_the_release_gone_back_to_is_held_to_its_health(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    with pytest.raises(RolledBackError) as caught:
        operator.deploy("broken")
    called = ["pre_flight", "status", "deploy broken", "health", "logs", "rollback v1", "health"]
    assert operator.calls() == called
    assert caught.value.deployment is not None
    assert [(step.name, step.status) for step in caught.value.deployment.steps] == [
        ("pre-flight", "success"),
        ("fetch", "success"),
        ("switch", "success"),
        ("start", "success"),
        ("health", "failed"),
        (f"roll back to v1 ({revision_of('v1')[:7]})", "success"),
        ("switch", "success"),
        ("health", "success"),
    ]


def test_what_is_in_service_is_read_from_the_target(operator: Operator) -> None:
    operator.elsewhere().deploy("v1")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v1"
    assert operator.statuses() == ["rolled_back"]


def test_what_the_target_tells_goes_before_the_history(operator: Operator) -> None:
    operator.deploy("v1")
    operator.elsewhere().deploy("v2")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"


def test_a_target_that_cannot_tell_gets_the_last_success_of_the_history(operator: Operator) -> None:
    operator.deploy("v1")
    operator.deploy("v2")
    for version in ("half", "broken"):
        with pytest.raises(RolledBackError):
            operator.deploy(version)
    operator.options["forgetful"] = True
    operator.calls()
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"
    assert "rollback v2" in operator.calls()


def test_what_never_ended_well_is_not_gone_back_to_even_if_it_is_in_service(operator: Operator) -> None:
    operator.deploy("v1")
    with pytest.raises(UnhealthyError):
        operator.deploy("broken", rollback=False)
    assert operator.in_service() == "broken"
    with pytest.raises(RolledBackError):
        operator.deploy("half")
    assert operator.in_service() == "v1"


@pytest.mark.parametrize(
    ("version", "kind", "code", "message"),
    [
        ("refused", "deployment_failed", 6, "pull denied; the old version is still in service"),
        (
            "crash",
            "provider",
            10,
            'provider "scripted" (acme-scripted 1.2.3) failed in deploy: it raised ValueError: boom',
        ),
    ],
)
def test_what_was_not_changed_is_left_alone(
    operator: Operator, version: str, kind: str, code: int, message: str
) -> None:
    operator.deploy("v1")
    operator.calls()
    with pytest.raises((DeploymentFailedError, ProviderError)) as caught:
        operator.deploy(version)
    error = caught.value
    assert (error.kind, error.exit_code, error.message) == (kind, code, message)
    assert "rollback v1" not in operator.calls()
    assert operator.in_service() == "v1"
    assert operator.statuses() == ["success", "failed"]


def test_the_same_version_put_in_service_again_in_another_way_is_rolled_back_too(operator: Operator) -> None:
    operator.options["flavour"] = "sweet"
    operator.deploy("v1")
    operator.options["flavour"] = "sour"
    with pytest.raises(RolledBackError) as caught:
        operator.deploy("v1", force=True)
    assert caught.value.message == f"start failed; {BACK}"
    assert json.loads((operator.folder / "target.json").read_text())["flavour"] == "sweet"
    assert operator.statuses() == ["success", "rolled_back"]


def test_a_failure_carries_step_command_log_and_hint(operator: Operator) -> None:
    with pytest.raises(DeploymentFailedError) as caught:
        operator.deploy("refused")
    error = caught.value
    assert (error.step, error.command, error.log, error.hint) == ("fetch", "pull refused", ["denied"], "log in")
    assert operator.rows()[-1].error == {
        "kind": "deployment_failed",
        "code": 6,
        "message": "pull denied; nothing was in service before",
        "problems": [],
        "step": "fetch",
        "command": "pull refused",
        "hint": "log in",
        "log": ["denied"],
    }


def test_the_service_s_log_is_fetched_where_the_failure_brings_none(operator: Operator) -> None:
    operator.deploy("v1")
    with pytest.raises(RolledBackError) as caught:
        operator.deploy("broken")
    error = caught.value
    assert error.log == [f"line {number} of broken" for number in range(50, 100)]
    assert (error.step, error.hint) == ("health", "see: fraisier logs my_api production")


@pytest.mark.parametrize(("version", "on_logs"), [("chatty", ""), ("half", "all")])
def test_no_failure_carries_more_than_the_last_50_lines(operator: Operator, version: str, on_logs: str) -> None:
    operator.options["on_logs"] = on_logs
    with pytest.raises(DeploymentFailedError) as caught:
        operator.deploy(version)
    lines = [f"line {number} of {version}" for number in range(50, 100)]
    assert caught.value.log == lines
    assert operator.rows()[-1].error == caught.value.deployment.error  # type: ignore[union-attr] # it has one
    assert operator.rows()[-1].error["log"] == lines  # type: ignore[index] # it has one


def test_a_log_that_cannot_be_had_does_not_hide_the_failure(operator: Operator) -> None:
    operator.deploy("v1")
    operator.options["on_logs"] = "refuse"
    with pytest.raises(RolledBackError) as caught:
        operator.deploy("broken")
    assert caught.value.log == ["(no log: the log is gone)"]


@pytest.mark.parametrize(
    ("version", "kind", "code", "message"),
    [
        (
            "broken",
            UnhealthyError,
            7,
            "my_api:production is not healthy after N s: got 500 from broken; "
            "it stays in service, since there is no version to go back to",
        ),
        ("half", DeploymentFailedError, 6, "start failed; there is no version to go back to"),
    ],
)
def test_where_nothing_was_in_service_there_is_nothing_to_go_back_to(
    operator: Operator, version: str, kind: type[FraisierError], code: int, message: str
) -> None:
    with pytest.raises(kind) as caught:
        operator.deploy(version)
    assert (caught.value.exit_code, told(caught.value.message)) == (code, message)
    assert operator.in_service() == version
    assert operator.statuses() == ["failed"]
    assert operator.state().version is None


@pytest.mark.parametrize(
    ("version", "kind", "code", "message"),
    [
        ("broken", UnhealthyError, 7, "it stays in service, as --no-rollback asks"),
        ("half", DeploymentFailedError, 6, "it was not rolled back, as --no-rollback asks"),
        ("refused", DeploymentFailedError, 6, "the old version is still in service"),
    ],
)
def test_no_rollback_leaves_things_as_they_are(
    operator: Operator, version: str, kind: type[FraisierError], code: int, message: str
) -> None:
    operator.deploy("v1")
    with pytest.raises(kind) as caught:
        operator.deploy(version, rollback=False)
    assert caught.value.exit_code == code
    assert caught.value.message.endswith(f"; {message}")
    assert operator.in_service() == ("v1" if version == "refused" else version)
    assert operator.statuses() == ["success", "failed"]


@pytest.mark.parametrize(
    ("script", "message", "in_service"),
    [
        ({"on_rollback": "refuse"}, "the old image is gone", "broken"),
        (
            {"on_rollback": "elsewhere"},
            f"my_api production was to go back to v1 ({revision_of('v1')[:7]})"
            f" and came to v9 ({revision_of('v9')[:7]})",
            "v9",
        ),
        ({"sick": ["v1"]}, "my_api:production is not healthy after N s: got 500 from v1", "v1"),
    ],
)
def test_a_rollback_that_fails_too_tells_both_failures(
    operator: Operator, script: dict[str, object], message: str, in_service: str
) -> None:
    operator.deploy("v1")
    operator.options.update(script)
    with pytest.raises(RollbackFailedError) as caught:
        operator.deploy("broken")
    first = "my_api:production is not healthy after N s: got 500 from broken"
    back = f"v1 ({revision_of('v1')[:7]})"
    assert caught.value.exit_code == 9
    assert told(caught.value.message) == f"{first}; going back to {back} failed too: {message}"
    assert caught.value.step == "health"
    assert operator.in_service() == in_service
    assert operator.statuses() == ["success", "failed"]


def test_the_way_out_of_a_failed_rollback_is_the_second_failure_s(operator: Operator) -> None:
    operator.deploy("v1")
    operator.options["on_rollback"] = "refuse"
    with pytest.raises(RollbackFailedError) as caught:
        operator.deploy("broken")
    assert caught.value.hint == "build it again"


def test_a_target_on_which_somebody_else_is_at_work_is_left_to_them(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    with pytest.raises(DeploymentLockedError, match="bob@ci is deploying my_api") as caught:
        operator.deploy("overtaken")
    assert caught.value.exit_code == 4
    assert operator.calls() == ["pre_flight", "status", "deploy overtaken"]
    assert operator.in_service() == "v9"
    assert operator.statuses() == ["success", "failed"]


def test_somebody_else_at_work_on_the_target_can_be_waited_for(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    done = operator.deploy("queued", wait_lock=60.0)
    assert (done.status, done.previous_version) == ("success", "v9")
    assert operator.calls() == ["pre_flight", "status", "deploy queued", "status", "deploy queued", "health"]
    assert operator.display.shown.count("waiting: bob@ci is deploying my_api") == 1
    assert operator.statuses() == ["success", "success"]


def test_waiting_for_somebody_else_on_the_target_ends(operator: Operator) -> None:
    operator.deploy("v1")
    with pytest.raises(DeploymentLockedError, match="bob@ci is deploying my_api"):
        operator.deploy("overtaken", wait_lock=0.2)
    assert operator.calls().count("deploy overtaken") > 1
    assert operator.statuses() == ["success", "failed"]


def test_after_a_rollback_the_state_tells_what_is_in_service(operator: Operator) -> None:
    operator.elsewhere().deploy("v1")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    state = operator.state()
    assert (state.status, state.version, state.revision) == ("rolled_back", "v1", revision_of("v1"))
    assert state.deployed_at is None
    [listed] = reading.listed(operator.project)
    assert (listed.version, listed.status, listed.deployed_at) == ("v1", "rolled_back", None)
    assert reading.status(operator.project, operator.place, operator.display.warn).details == {
        "file": "target.json"
    }


def test_a_release_that_was_only_gone_back_to_is_no_rollback_target(operator: Operator) -> None:
    operator.elsewhere().deploy("v1")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    operator.deploy("v2")
    with pytest.raises(RollbackFailedError, match="my_api:production has no earlier successful release"):
        operator.rollback()


def test_a_rollback_that_fails_too_leaves_the_state_alone(operator: Operator) -> None:
    operator.elsewhere().deploy("v1")
    operator.options["on_rollback"] = "refuse"
    with pytest.raises(RollbackFailedError):
        operator.deploy("broken")
    assert (operator.state().status, operator.state().version) == ("failed", None)


def test_a_target_that_changed_between_the_look_and_the_lock_is_looked_at_again_without_being_asked_to_wait(
    operator: Operator,
) -> None:
    operator.deploy("v1")
    operator.calls()
    done = operator.deploy("surprised")
    assert (done.status, done.previous_version) == ("success", "v9")
    assert operator.calls() == ["pre_flight", "status", "deploy surprised", "status", "deploy surprised", "health"]


def test_a_target_that_changes_all_the_time_is_given_up(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    with pytest.raises(DeploymentLockedError, match="another deployment has ended meanwhile"):
        operator.deploy("restless")
    assert operator.calls().count("deploy restless") == 4
