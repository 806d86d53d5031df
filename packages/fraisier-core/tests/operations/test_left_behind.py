"""What a killed deployment may have left in service, told from what others deployed."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier import RolledBackError

from .conftest import Operator
from .scripted import revision_of

KILLED: dict[str, Any] = {"status": "interrupted", "duration_seconds": None}
CTRL_C: dict[str, Any] = {"status": "interrupted", "duration_seconds": 1.0}


@pytest.mark.parametrize(
    ("row", "gone_back_to"),
    [
        ({"version": "v2", **KILLED}, "v1"),
        ({"version": None, **KILLED}, "v1"),
        ({"version": "v3", **KILLED}, "v2"),
        ({"version": "v2", **CTRL_C}, "v2"),
        ({"version": "v2", "provider": "standby", **KILLED}, "v2"),
        ({"version": "v2", **KILLED, "revision": revision_of("another v2")}, "v2"),
    ],
)
def test_it_is_what_was_asked_for_and_of_a_revision_that_nobody_knows(
    operator: Operator, row: dict[str, Any], gone_back_to: str
) -> None:
    operator.deploy("v1")
    operator.record(**row)
    operator.elsewhere().deploy("v2")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == gone_back_to
    known = revision_of("v2") if gone_back_to == "v1" else row.get("revision")
    assert operator.rows()[1].revision == known


def test_it_was_killed_after_the_last_success(operator: Operator) -> None:
    operator.deploy("v1")
    operator.record("v2", **KILLED)
    operator.deploy("v1")
    operator.elsewhere().deploy("v2")
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"


def test_it_is_nothing_that_the_history_knows(operator: Operator) -> None:
    operator.deploy("v1")
    operator.record(None, **KILLED)
    operator.rollback("v1")
    assert operator.rows()[1].revision is None
