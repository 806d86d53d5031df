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


@pytest.fixture
def both(operator: Operator) -> Operator:
    operator.standby = {}
    return operator


@pytest.mark.parametrize(("options", "version", "message"), FAILING_FIRST)
def test_a_target_that_fails_before_anything_changed_is_stood_in_for(
    both: Operator, options: dict[str, Any], version: str, message: str
) -> None:
    both.options.update(options)
    done = both.deploy(version)
    assert (done.status, done.provider, done.version) == ("success", "standby", version)
    assert (both.in_service(), both.in_service("standby.json")) == (None, version)
    assert both.warnings() == [f"{message}; falling back to standby"]
    assert [(row.provider, row.status) for row in both.rows()] == [("scripted", "failed"), ("standby", "success")]


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
    assert caught.value.deployment.provider == "standby"
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
    assert (told.provider, told.version, told.details) == ("standby", "v3", {"file": "standby.json"})
    assert reading.health(project, place, warn).detail == "got 200 from v3"
    assert list(reading.logs(project, place, 1, False, warn)) == ["line 99 of v3"]
    [listed] = reading.listed(project)
    assert (listed.provider, listed.version) == ("standby", "v3")
    assert both.calls() == []


def test_a_rollback_follows_the_target_that_is_in_use(both: Operator) -> None:
    fallen_back(both)
    place = reading.in_use(both.project, both.place)
    done = operations.rollback(both.project, place, None, both.display)
    assert (done.provider, done.version, done.status) == ("standby", "v2", "success")
    with pytest.raises(RollbackFailedError, match="no earlier successful release"):
        operations.rollback(both.project, place, None, both.display)
    assert both.in_service() == "v1"


def test_the_next_success_on_the_target_itself_puts_it_in_use_again(both: Operator) -> None:
    fallen_back(both)
    del both.options["unready"]
    both.display.shown.clear()
    both.deploy("v3")
    assert reading.status(both.project, both.place, both.display.warn).provider == "scripted"
    assert both.warnings() == []


def test_a_failure_leaves_in_use_what_was(both: Operator) -> None:
    fallen_back(both)
    del both.options["unready"]
    with pytest.raises(RolledBackError):
        both.deploy("broken")
    told = reading.status(both.project, both.place, both.display.warn)
    assert (told.provider, told.version) == ("standby", "v3")


def test_before_anything_was_deployed_the_target_itself_is_in_use(both: Operator) -> None:
    assert reading.in_use(both.project, both.place).provider == "scripted"
    assert not both.project.database_path.exists()
    with both.project.database() as database:
        assert History(database).fraise_states() == {}
    assert reading.in_use(both.project, both.place).provider == "scripted"
    both.options["unready"] = ["git"]
    both.standby = {"unready": ["git"]}
    with pytest.raises(PreFlightError):
        both.deploy("v1")
    assert reading.in_use(both.project, both.place).provider == "scripted"
