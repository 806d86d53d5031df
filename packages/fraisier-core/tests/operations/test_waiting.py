"""Waiting for health: how long, how often, and what is said meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from fraisier import RolledBackError, UnhealthyError
from fraisier.engine.waiting import wait_until_healthy
from fraisier.testing.fakes import RecordingProgress

from .conftest import Operator
from .scripted import revision_of


def check(folder: Path, expect_body: str, timeout: float = 0.3) -> dict[str, object]:
    return {"command": f"cat '{folder / 'answer'}'", "expect_body": expect_body, "timeout": timeout}


def test_it_asks_until_the_service_is_healthy_and_says_a_thing_once(operator: Operator) -> None:
    """A target that does not answer is not healthy yet."""
    assert operator.deploy("slow").status == "success"
    assert operator.calls()[2:] == ["deploy slow", "health", "health", "health", "health"]
    assert operator.display.shown[-4:] == [
        "health ...",
        "| no answer yet",
        "| got 503 from slow",
        "health: success",
    ]


def test_what_can_never_be_healthy_is_not_waited_for(operator: Operator) -> None:
    with pytest.raises(UnhealthyError):
        operator.deploy("broken")
    assert operator.calls().count("health") == 1


def test_at_the_deadline_it_gives_up(operator: Operator) -> None:
    operator.options["patient"] = True
    operator.health_check = {"tcp": "127.0.0.1:1", "timeout": 0.2}
    with pytest.raises(UnhealthyError) as caught:
        operator.deploy("broken")
    assert caught.value.message.startswith("my_api:production is not healthy after ")
    assert " s: got 500 from broken; it stays in service" in caught.value.message
    assert caught.value.hint == "see: fraisier logs my_api production"
    # At once, after 0.1 s, and at the deadline.
    assert operator.calls().count("health") <= 3


def test_a_release_that_cannot_be_told_is_expected_as_the_empty_text(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text("I am []")
    operator.health_check = check(tmp_path, "I am [{version}]")
    with operator.project.opened(operator.place, operator.display.warn) as (provider, target):
        assert wait_until_healthy(provider, target, None, None, RecordingProgress()).healthy


@pytest.mark.parametrize(
    ("body", "answer"),
    [("I am {version}", "I am v1"), ("at {revision}!", f"at {revision_of('v1')}!")],
)
def test_the_version_in_service_is_the_one_that_was_deployed(
    operator: Operator, tmp_path: Path, body: str, answer: str
) -> None:
    (tmp_path / "answer").write_text(answer)
    operator.health_check = check(tmp_path, body)
    assert operator.deploy("v1").status == "success"
    with pytest.raises(RolledBackError, match=r"want '(I am v2|at [0-9a-f]{40}!)' in it; rolled back to v1"):
        operator.deploy("v2")
