"""Ctrl-C, SIGTERM, SIGHUP and SIGKILL in the middle of it all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fraisier import FraisierError, InterruptedByUserError, RollbackFailedError, RolledBackError
from fraisier.engine.interrupts import interruptible, shielded

from .conftest import Operator, told
from .scripted import revision_of

V1 = f"v1 ({revision_of('v1')[:7]})"
ANSWER = "putting the old version back first; press Ctrl-C again to stop at once"


def test_an_interruption_before_the_change_leaves_all_as_it_is(operator: Operator) -> None:
    operator.deploy("v1")
    operator.calls()
    with pytest.raises(InterruptedByUserError) as caught:
        operator.deploy("ctrl-c")
    error = caught.value
    assert (error.exit_code, error.message) == (130, "my_api production was interrupted by Ctrl-C")
    assert error.step == "fetch"
    assert operator.calls() == ["pre_flight", "status", "deploy ctrl-c", "status"]
    row = operator.rows()[-1]
    assert (row, row.status, row.revision) == (error.deployment, "interrupted", None)
    assert row.error is not None
    assert (row.error["kind"], row.error["code"], row.error["step"]) == ("interrupted", 130, "fetch")


@pytest.mark.parametrize(
    ("version", "name"), [("ctrl-c late", "SIGINT"), ("terminated", "SIGTERM"), ("hung up", "SIGHUP")]
)
def test_an_interruption_after_the_change_puts_the_old_version_back(
    operator: Operator, version: str, name: str
) -> None:
    operator.elsewhere().deploy("v1")
    with pytest.raises(InterruptedByUserError) as caught:
        operator.deploy(version)
    error = caught.value
    assert error.message == f"my_api production was interrupted by {name}; {V1} is back in service"
    assert (error.exit_code, error.step) == (130, "start")
    assert operator.in_service() == "v1"
    row = operator.rows()[-1]
    assert (row.status, row.revision, row.previous_version) == ("interrupted", revision_of(version), "v1")
    assert (operator.state().status, operator.state().version) == ("interrupted", "v1")


def test_an_interruption_with_nothing_to_go_back_to_is_recorded(operator: Operator) -> None:
    with pytest.raises(InterruptedByUserError, match=r"^my_api production was interrupted by SIGINT$"):
        operator.deploy("ctrl-c late")
    assert operator.in_service() == "ctrl-c late"
    assert operator.statuses() == ["interrupted"]


def test_an_interruption_is_not_stood_in_for(operator: Operator) -> None:
    operator.standby = {}
    with pytest.raises(InterruptedByUserError):
        operator.deploy("ctrl-c")
    assert operator.calls("standby.json") == []


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({"on_rollback": "ctrl-c"}, ["health", "logs", "rollback v1", "health"]),
        ({"on_logs": "ctrl-c"}, ["health", "logs", "rollback v1", "health"]),
    ],
)
def test_ctrl_c_while_the_old_version_is_put_back_is_answered_and_waits(
    operator: Operator, options: dict[str, str], calls: list[str]
) -> None:
    operator.deploy("v1")
    operator.options.update(options)
    operator.calls()
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.warnings().count(ANSWER) == 1
    assert operator.calls() == ["pre_flight", "status", "deploy broken", *calls]
    assert operator.in_service() == "v1"
    assert operator.statuses() == ["success", "rolled_back"]


def test_a_second_ctrl_c_stops_at_once(operator: Operator) -> None:
    operator.deploy("v1")
    operator.options["on_rollback"] = "ctrl-c twice"
    with pytest.raises(RollbackFailedError) as caught:
        operator.deploy("broken")
    assert told(caught.value.message) == (
        "my_api:production is not healthy after N s: got 500 from broken;"
        f" going back to {V1} failed too: my_api production was interrupted by SIGINT"
    )
    assert operator.warnings().count(ANSWER) == 1
    assert operator.in_service() == "broken"
    assert operator.statuses() == ["success", "failed"]


def test_an_interrupted_rollback_puts_back_what_was_in_service(operator: Operator) -> None:
    operator.deploy("v1")
    operator.deploy("v2")
    operator.options["on_rollback"] = "ctrl-c late"
    with pytest.raises(InterruptedByUserError) as caught:
        operator.rollback()
    back = f"v2 ({revision_of('v2')[:7]})"
    assert caught.value.exit_code == 130
    assert caught.value.message == f"my_api production was interrupted by SIGINT; {back} is back in service"
    assert operator.in_service() == "v2"
    assert operator.statuses() == ["success", "success", "interrupted"]


def killed(operator: Operator, version: str) -> None:
    """Deploy from a process of its own, which is killed on the way."""
    script = (
        "import sys; from pathlib import Path\n"
        "from fraisier.engine import operations; from fraisier.engine.project import Project\n"
        "from fraisier.engine.configuration.redaction import Redactor\n"
        "from fraisier.testing.fakes import RecordingDisplay\n"
        "project = Project.read(Path(sys.argv[1]), Redactor())\n"
        "place = project.config.place('my_api', 'production')\n"
        "request = operations.DeployRequest(version=sys.argv[2])\n"
        "operations.deploy(project, place, request, RecordingDisplay())\n"
    )
    site = next(path for path in sys.path if (Path(path) / "acme_scripted.py").exists())
    environ = {"PYTHONPATH": site, "FRAISIER_DATABASE": str(operator.project.database_path)}
    command = [sys.executable, "-c", script, str(operator.write()), version]
    done = subprocess.run(command, env=os.environ | environ, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_after_a_kill_the_next_run_tells_of_it_and_goes_on(operator: Operator) -> None:
    operator.deploy("v1")
    killed(operator, "killed")
    assert (operator.in_service(), operator.statuses()) == ("killed", ["success", "running"])
    done = operator.deploy("v2")
    assert (done.status, done.previous_version) == ("success", "v1")
    [said, drift] = operator.warnings()
    assert said.startswith("the deploy of killed begun 20")
    assert said.endswith("was interrupted: killed during step start")
    assert drift == (f"the history says {V1}, the target tells killed ({revision_of('killed')[:7]})")
    row = operator.rows()[1]
    assert (row.status, row.revision) == ("interrupted", revision_of("killed"))
    operator.options["earlier"] = True
    assert operator.rollback().version == "v1"


def test_what_a_killed_deployment_left_in_service_is_not_gone_back_to(operator: Operator) -> None:
    operator.deploy("v1")
    killed(operator, "killed")
    with pytest.raises(FraisierError):
        operator.deploy("refused")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v1"


def test_what_others_deployed_after_a_kill_is_gone_back_to(operator: Operator) -> None:
    operator.deploy("v1")
    killed(operator, "killed")
    operator.elsewhere().deploy("v2")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_within_and_is_left_alone_outside(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match=rf"^{number.name}$"), interruptible():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    # As under nohup; the fixture puts the handler back.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible(), shielded(lambda: pytest.fail("it was heard")):
        signal.raise_signal(signal.SIGHUP)


def test_the_shield_answers_the_first_signal_and_raises_the_second() -> None:
    answers: list[str] = []
    with interruptible(), shielded(lambda: answers.append("wait")):
        signal.raise_signal(signal.SIGINT)
        assert answers == ["wait"]
        with pytest.raises(KeyboardInterrupt, match=r"^SIGTERM$"):
            signal.raise_signal(signal.SIGTERM)
    assert answers == ["wait"]
