"""Secrets of the options: nowhere in what is recorded, shown or raised, however much the provider says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fraisier import FraisierError
from fraisier.engine import reading

from .conftest import TOKEN, Operator


@pytest.fixture
def talkative(operator: Operator) -> Operator:
    """An operator whose provider puts the token into every sentence."""
    operator.options["token"] = "${TOKEN}"
    return operator


def recorded(operator: Operator) -> str:
    return "".join(
        path.read_bytes().decode("utf-8", "replace") for path in (operator.folder / operator.machine).iterdir()
    )


def raised(error: FraisierError) -> str:
    return "\n".join([str(error), error.message, error.step, error.command, *error.log, *error.problems])


def test_the_record_of_a_success_is_without_them(talkative: Operator) -> None:
    talkative.deploy("v1")
    talkative.deploy("v1")
    talkative.deploy("v2")
    talkative.rollback()
    assert TOKEN not in recorded(talkative)
    assert "deployed with ***" in recorded(talkative)
    assert "${TOKEN}" in recorded(talkative)
    assert TOKEN not in "\n".join(talkative.display.shown)
    assert {"fetch with *** ...", "| fetching v1 with ***"} <= set(talkative.display.shown)


def test_what_the_target_tells_of_its_release_is_recorded_without_them(talkative: Operator) -> None:
    talkative.elsewhere().deploy("v1")
    assert talkative.rollback("v1").status == "unchanged"
    assert TOKEN not in recorded(talkative)
    assert "told with ***" in recorded(talkative)


@pytest.mark.parametrize("version", ["refused", "crash", "broken", "half", "ctrl-c"])
def test_a_failure_is_told_without_them(talkative: Operator, version: str) -> None:
    talkative.deploy("v1")
    with pytest.raises(FraisierError) as caught:
        talkative.deploy(version)
    said = raised(caught.value) + recorded(talkative) + "\n".join(talkative.display.shown)
    said += msgspec.json.encode(caught.value.deployment).decode()
    assert TOKEN not in said
    assert "with ***" in raised(caught.value)


@pytest.mark.parametrize("options", [{"unready": ["git"]}, {"unreachable": ["pre_flight"]}, {"poor": ["space"]}])
def test_a_pre_flight_is_told_without_them(talkative: Operator, options: dict[str, Any]) -> None:
    talkative.options.update(options)
    said = []
    try:
        talkative.deploy("v1")
    except FraisierError as error:
        said.append(raised(error))
    said += [recorded(talkative), *talkative.display.shown]
    assert TOKEN not in "\n".join(said)
    assert "***" in "\n".join(said)


def test_looking_is_without_them(talkative: Operator) -> None:
    talkative.deploy("v1")
    project, place, warn = talkative.project, talkative.place, talkative.display.warn
    said = [
        msgspec.json.encode(report).decode()
        for report in (
            reading.status(project, place, warn),
            reading.health(project, place, warn),
            reading.provider_test(project, place, warn),
            talkative.plan("v2"),
            list(reading.logs(project, place, 5, False, warn)),
        )
    ]
    talkative.options["unreachable"] = ["status"]
    said += [str(report) for report in reading.statuses(talkative.project, [talkative.place], warn)]
    assert TOKEN not in "\n".join(said)
    assert all("with ***" in each for each in said)
