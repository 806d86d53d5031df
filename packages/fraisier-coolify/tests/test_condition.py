"""What `status` means, in every form that Coolify has for it."""

from __future__ import annotations

import pytest
from fraisier_coolify.condition import Condition


@pytest.mark.parametrize(
    ("text", "state", "health"),
    [
        ("running:healthy", "running", "healthy"),
        ("running (healthy)", "running", "healthy"),
        ("running:healthy:excluded", "running", "healthy"),
        ("degraded:excluded", "degraded", ""),
        ("unknown:unknown:excluded", "unknown", "unknown"),
        ("exited", "exited", ""),
        ("", "unknown", ""),
        (None, "unknown", ""),
    ],
)
def test_a_status_is_taken_apart(text: str | None, state: str, health: str) -> None:
    assert Condition.of(text) == (state, health)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("running:unhealthy", "running"),
        ("starting:unhealthy", "deploying"),
        ("restarting:unknown", "failed"),
        ("degraded:unhealthy", "failed"),
        ("paused:unknown", "stopped"),
        ("exited:unhealthy", "stopped"),
        ("something-new:unknown", "unknown"),
    ],
)
def test_a_status_is_told_in_the_words_of_fraisier(text: str, state: str) -> None:
    assert Condition.of(text).as_state == state


@pytest.mark.parametrize(
    ("text", "checked", "settling", "afterwards"),
    [
        ("running:healthy", True, "up", "up"),
        ("running:unknown", False, "up", "up"),
        ("running:unknown", True, "wait", "down"),
        ("running:unhealthy", False, "wait", "down"),
        ("running:unhealthy", True, "wait", "down"),
        ("exited:unhealthy", False, "wait", "down"),
        ("restarting:unknown", False, "wait", "down"),
        ("degraded:unhealthy", True, "wait", "down"),
        ("starting:unknown", False, "wait", "wait"),
        ("running:healthy:excluded", False, "up", "up"),
    ],
)
def test_what_may_be_from_before_is_waited_for_and_then_believed(
    text: str, checked: bool, settling: str, afterwards: str
) -> None:
    condition = Condition.of(text)
    assert condition.verdict(checked=checked, settling=True) == settling
    assert condition.verdict(checked=checked, settling=False) == afterwards
