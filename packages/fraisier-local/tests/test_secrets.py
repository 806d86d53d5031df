"""Values under `environment` reach the service, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier import Secret, TargetError
from fraisier_local import hooks

from .conftest import Site, eventually

VALUE = "s3cr3t-value"


@pytest.fixture
def secretive(site: Site) -> Site:
    site.options["environment"] |= {"TOKEN": Secret(VALUE, "${TOKEN}"), "PLAIN": "pl4in-value", "NUMBER": 7}
    return site


def test_the_service_gets_them(secretive: Any) -> None:
    secretive.deploy("v1", command='test "$TOKEN" = s3cr3t-value && echo "$NUMBER"; exec sleep 600')

    eventually(lambda: secretive.log() == ["7"])


def test_nothing_that_is_written_or_returned_holds_them(secretive: Any) -> None:
    deployed = secretive.deploy("v1", build=['test -n "$TOKEN"'])
    secretive.rollback(deployed)
    secretive.answer()

    said = [repr(deployed), repr(hooks.status(secretive.target())), repr(hooks.pre_flight(secretive.target()))]
    said += secretive.progress.lines
    for path in secretive.app.rglob("*"):
        if path.is_file():
            said.append(path.read_text(errors="replace"))
    assert not [text for text in said if VALUE in text or "pl4in-value" in text]


def test_an_error_does_not_hold_them(secretive: Any) -> None:
    with pytest.raises(TargetError) as caught:
        secretive.deploy("v1", build=['echo "${#TOKEN}"; exit 1'])

    error = caught.value
    assert VALUE not in "\n".join([str(error), error.command, *error.log])
