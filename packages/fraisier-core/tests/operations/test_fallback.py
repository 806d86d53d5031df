"""The fallback: when it is tried, and that everything then follows the target that is in use."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier import (
    DeploymentFailedError,
    FraisierError,
    PreFlightError,
    ProviderError,
    RollbackFailedError,
    RolledBackError,
    UnhealthyError,
)
from fraisier.engine import operations, reading
from fraisier.engine.state.history import History

from .conftest import Operator

FAILING_FIRST = [
    ({"unready": ["git"]}, "v1", "pre-flight failed: git: looked at"),
    ({"unreachable": ["status"]}, "v1", "pre-flight failed: no route to production"),
    ({"unreachable": ["deploy v1"]}, "v1", "no route to production; nothing was in service before"),
]


@pytest.fixture(params=["standby", "scripted"])
def both(operator: Operator, request: pytest.FixtureRequest) -> Operator:
    """An operator with a fallback, of another provider or of the same."""
    operator.standby, operator.standby_provider = {}, request.param
    return operator


@pytest.mark.parametrize(("options", "version", "message"), FAILING_FIRST)
def test_a_target_that_fails_before_anything_changed_is_stood_in_for(
    both: Operator, options: dict[str, Any], version: str, message: str
) -> None:
    both.options.update(options)
    done = both.deploy(version)
    assert (done.status, done.provider, done.version) == ("success", both.standby_provider, version)
    assert (both.in_service(), both.in_service("standby.json")) == (None, version)
    assert both.warnings() == [f"{message}; falling back to {both.standby_provider}"]
    assert [(row.provider, row.status) for row in both.rows()] == [
        ("scripted", "failed"),
        (both.standby_provider, "success"),
    ]


def test_the_fallback_gets_the_same_release(both: Operator) -> None:
    both.options["unready"] = ["git"]
    both.deploy("v2", force=True)
    assert both.calls("standby.json") == ["pre_flight", "status", "deploy v2 by force", "health"]


@pytest.mark.parametrize(
    ("version", "request_", "kind"),
    [
        ("broken", {}, RolledBackError),
        ("half", {}, RolledBackError),
        ("half", {"rollback": False}, DeploymentFailedError),
        ("broken", {"rollback": False}, UnhealthyError),
        ("crash", {}, ProviderError),
    ],
)
def test_a_target_that_was_changed_or_is_defective_is_not_stood_in_for(
    both: Operator, version: str, request_: dict[str, Any], kind: type[FraisierError]
) -> None:
    both.deploy("v1")
    with pytest.raises(kind):
        both.deploy(version, **request_)
    assert both.calls("standby.json") == []


def test_a_first_deployment_that_changed_something_is_not_stood_in_for(both: Operator) -> None:
    with pytest.raises(DeploymentFailedError, match="there is no version to go back to"):
        both.deploy("half")
    assert both.calls("standby.json") == []


def test_a_rollback_that_failed_is_not_stood_in_for(both: Operator) -> None:
    both.deploy("v1")
    both.options["on_rollback"] = "refuse"
    with pytest.raises(RollbackFailedError):
        both.deploy("broken")
    assert both.calls("standby.json") == []


def test_without_a_fallback_the_failure_is_the_end(operator: Operator) -> None:
    with pytest.raises(DeploymentFailedError):
        operator.deploy("refused")
    assert operator.warnings() == []


def test_when_the_fallback_fails_too_its_failure_is_the_end(both: Operator) -> None:
    both.options["unready"] = ["git"]
    with pytest.raises(DeploymentFailedError, match="pull denied; nothing was in service before") as caught:
        both.deploy("refused")
    assert caught.value.deployment is not None
    assert caught.value.deployment.provider == both.standby_provider
    assert both.statuses() == ["failed", "failed"]


def fallen_back(both: Operator) -> Operator:
    """Deploy v1 to the target, then v2 and v3 to the fallback."""
    both.deploy("v1")
    both.options["unready"] = ["git"]
    both.deploy("v2")
    both.deploy("v3")
    both.calls()
    both.calls("standby.json")
    return both


def test_looking_follows_the_target_that_is_in_use(both: Operator) -> None:
    fallen_back(both)
    project, place, warn = both.project, both.place, both.display.warn
    told = reading.status(project, place, warn)
    assert (told.provider, told.version) == (both.standby_provider, "v3")
    assert told.details == {"file": "standby.json"}
    assert reading.health(project, place, warn).detail == "got 200 from v3"
    assert list(reading.logs(project, place, 1, False, warn)) == ["line 99 of v3"]
    [listed] = reading.listed(project)
    assert (listed.provider, listed.version) == (both.standby_provider, "v3")
    assert both.calls() == []


def test_a_rollback_follows_the_target_that_is_in_use(both: Operator) -> None:
    fallen_back(both)
    place = reading.in_use(both.project, both.place)
    done = operations.rollback(both.project, place, None, both.display)
    assert (done.provider, done.version, done.status) == (both.standby_provider, "v2", "success")
    with pytest.raises(RollbackFailedError, match="no earlier successful release"):
        operations.rollback(both.project, place, None, both.display)
    assert both.in_service() == "v1"


def test_a_fallback_that_is_another_one_by_now_is_not_in_use(both: Operator) -> None:
    fallen_back(both)
    both.standby_provider = "scripted" if both.standby_provider == "standby" else "standby"
    assert not reading.in_use(both.project, both.place).is_fallback


def test_the_next_success_on_the_target_itself_puts_it_in_use_again(both: Operator) -> None:
    fallen_back(both)
    del both.options["unready"]
    both.display.shown.clear()
    both.deploy("v3")
    assert reading.status(both.project, both.place, both.display.warn).details == {"file": "target.json"}
    assert both.warnings() == []


def test_a_failure_leaves_in_use_what_was(both: Operator) -> None:
    fallen_back(both)
    del both.options["unready"]
    with pytest.raises(RolledBackError):
        both.deploy("broken")
    told = reading.status(both.project, both.place, both.display.warn)
    assert (told.version, told.details) == ("v3", {"file": "standby.json"})


def test_before_anything_was_deployed_the_target_itself_is_in_use(both: Operator) -> None:
    assert not reading.in_use(both.project, both.place).is_fallback
    assert not both.project.database_path.exists()
    with both.project.database() as database:
        assert History(database).fraise_states() == {}
    assert not reading.in_use(both.project, both.place).is_fallback
    both.options["unready"] = ["git"]
    both.standby = {"unready": ["git"]}
    with pytest.raises(PreFlightError):
        both.deploy("v1")
    assert not reading.in_use(both.project, both.place).is_fallback


def test_without_a_failure_the_target_itself_is_in_use(both: Operator) -> None:
    both.deploy("v1")
    both.deploy("v1")
    assert not reading.in_use(both.project, both.place).is_fallback
    assert both.calls("standby.json") == []


def test_a_fallback_that_was_rolled_back_is_in_use_only_if_nothing_else_is(both: Operator) -> None:
    both.options["unready"] = ["git"]
    other = both.elsewhere()
    other.standby, other.standby_provider = both.standby, both.standby_provider
    other.deploy("v1")
    with pytest.raises(RolledBackError):
        both.deploy("broken")
    assert reading.in_use(both.project, both.place).is_fallback
    assert both.state().version == "v1"
    del both.options["unready"]
    both.deploy("v2")
    both.options["unready"] = ["git"]
    with pytest.raises(RolledBackError):
        both.deploy("broken")
    assert not reading.in_use(both.project, both.place).is_fallback
    assert both.state().version == "v2"
