"""A deployment whose lock was taken away: it writes nothing more, here or on the target."""

from __future__ import annotations

import pytest
from fraisier import LeaseLostError, RolledBackError, Step
from fraisier.engine.project import Project
from fraisier.engine.state.locks import break_lock, freeze
from fraisier.testing.fakes import RecordingDisplay

from .conftest import Operator


class Losing(RecordingDisplay):
    """Breaks the lock at the end of a step, as somebody else does; bob takes it then."""

    def __init__(self, project: Project, step: str) -> None:
        super().__init__()
        self.project = project
        self.step = step

    def step_ended(self, step: Step) -> None:
        super().step_ended(step)
        if step.name == self.step:
            with self.project.database() as database:
                break_lock(database, "my_api", "production", "carol@desk")
                freeze(database, "my_api", "production", "scripted", "bob@ci", "hands off")


@pytest.mark.parametrize(
    ("version", "step", "calls", "in_service"),
    [
        ("v2", "pre-flight", [], "v1"),
        ("v2", "fetch", ["deploy v2"], "v1"),
        ("v2", "switch", ["deploy v2"], "v2"),
        ("v2", "start", ["deploy v2"], "v2"),
        ("v2", "health", ["deploy v2", "health"], "v2"),
        ("broken", "health", ["deploy broken", "health", "logs"], "broken"),
    ],
)
def test_it_stops_where_it_is(
    operator: Operator, version: str, step: str, calls: list[str], in_service: str
) -> None:
    operator.deploy("v1")
    operator.calls()
    operator.display = Losing(operator.project, step)
    with pytest.raises(LeaseLostError) as caught:
        operator.deploy(version)
    error = caught.value
    assert (error.exit_code, error.deployment) == (4, None)
    assert "lost its lock on my_api:production: lock broken by carol@desk, now frozen by bob@ci" in error.message
    assert operator.calls() == ["pre_flight", "status", *calls]
    assert operator.in_service() == in_service
    assert operator.statuses() == ["success", "running"]
    assert (operator.state().status, operator.state().version) == ("running", "v1")


def test_it_stops_before_an_empty_target_is_touched(operator: Operator) -> None:
    operator.display = Losing(operator.project, "pre-flight")
    with pytest.raises(LeaseLostError):
        operator.deploy("v1")
    assert operator.calls() == ["pre_flight", "status"]


def test_a_rollback_stops_where_it_is_too(operator: Operator) -> None:
    operator.deploy("v1")
    operator.deploy("v2")
    operator.calls()
    operator.display = Losing(operator.project, "switch")
    with pytest.raises(LeaseLostError):
        operator.rollback()
    assert operator.calls() == ["status", "rollback v1"]


def test_the_next_deployment_tells_whose_doing_it_was(operator: Operator) -> None:
    operator.deploy("v1")
    operator.display = Losing(operator.project, "switch")
    with pytest.raises(LeaseLostError):
        operator.deploy("v2")
    with operator.project.database() as database:
        break_lock(database, "my_api", "production")
    operator.display = RecordingDisplay()
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    [said] = [line for line in operator.warnings() if line.startswith("the deploy of v2")]
    assert said.endswith("was interrupted: lock broken by carol@desk")
    assert operator.statuses() == ["success", "interrupted", "rolled_back"]
    assert operator.in_service() == "v1"
