"""Plugins that hear of deployments: what they hear, and when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from fraisier import Deployment, FraisierError, InterruptedByUserError

from .conftest import Operator

Plug = Callable[[str], None]

LISTENER = """
from fraisier import hookimpl
heard = []
@hookimpl
def deployment_started(deployment): heard.append(("started", deployment))
@hookimpl
def deployment_finished(deployment): heard.append(("finished", deployment))
"""


def heard() -> list[tuple[str, Deployment]]:
    found: list[tuple[str, Deployment]] = sys.modules["acme_listener"].heard
    return found


def test_they_hear_of_the_beginning_and_of_the_end(operator: Operator, plug: Plug) -> None:
    plug(LISTENER)
    done = operator.deploy("v1")
    [(first, begun), (last, ended)] = heard()
    assert (first, last) == ("started", "finished")
    assert (begun.id, begun.status, begun.version, begun.steps) == (done.id, "running", "v1", [])
    assert ended == done == operator.rows()[0]


@pytest.mark.parametrize(
    ("version", "statuses"),
    [
        ("v1", ["unchanged"]),
        ("broken", ["rolled_back"]),
        ("refused", ["failed", "failed"]),
        ("crash", ["failed"]),
        ("ctrl-c", ["interrupted"]),
    ],
)
def test_they_hear_of_every_end_and_of_every_attempt(
    operator: Operator, plug: Plug, version: str, statuses: list[str]
) -> None:
    operator.standby = {}
    operator.deploy("v1")
    plug(LISTENER)
    with suppress(FraisierError):
        operator.deploy(version)
    assert heard()[-1][1] == operator.rows()[-1]
    expected = [each for status in statuses for each in (("started", "running"), ("finished", status))]
    assert [(when, record.status) for when, record in heard()] == expected


def test_they_hear_of_rollbacks(operator: Operator, plug: Plug) -> None:
    operator.deploy("v1")
    operator.deploy("v2")
    plug(LISTENER)
    operator.rollback()
    assert [(when, record.kind, record.version) for when, record in heard()] == [
        ("started", "rollback", None),
        ("finished", "rollback", "v1"),
    ]


def test_they_hear_nothing_of_what_never_began(operator: Operator, plug: Plug) -> None:
    plug(LISTENER)
    operator.plan("v1")
    assert heard() == []


def test_one_that_fails_is_a_warning(operator: Operator, plug: Plug) -> None:
    plug(LISTENER.replace('heard.append(("finished", deployment))', "raise ValueError('no mail')"))
    assert operator.deploy("v1").status == "success"
    assert operator.warnings() == [
        'plugin "listener" (acme-listener 1.2.3) failed in deployment_finished: ValueError: no mail'
    ]


def test_ctrl_c_in_one_that_is_slow_is_recorded_as_an_interruption(operator: Operator, plug: Plug) -> None:
    plug(LISTENER.replace('heard.append(("started", deployment))', "raise KeyboardInterrupt"))
    with pytest.raises(InterruptedByUserError):
        operator.deploy("v1")
    assert operator.statuses() == ["interrupted"]
    assert operator.calls() == []
