"""Variables: merged, with the flags that they have, and without the previews' twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import TargetError

from .deployer import Deployer
from .standin.coolify import Coolify
from .standin.world import Application, Variable


@pytest.fixture
def application(coolify: Coolify) -> Application:
    return coolify.add_application()


def deploy(coolify: Coolify, application: Application, folder: Path, **variables: str) -> None:
    Deployer(coolify, application, folder, environment=variables).deploy("1.1.0", force=True)


def variable(application: Application, key: str, *, preview: bool = False) -> Variable:
    return next(each for each in application.variables if (each.key, each.is_preview) == (key, preview))


def test_a_new_variable_is_for_the_build_and_for_the_container(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    deploy(coolify, application, tmp_path, GREETING="hello", KEY="a\nb")
    greeting, key = variable(application, "GREETING"), variable(application, "KEY")
    assert (greeting.value, greeting.is_runtime, greeting.is_buildtime) == ("hello", True, True)
    assert (greeting.is_multiline, key.is_multiline) == (False, True)


def test_others_stay_and_previews_have_their_own(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    deploy(coolify, application, tmp_path, OTHER="stays", GREETING="hello")
    deploy(coolify, application, tmp_path, GREETING="good morning")
    assert variable(application, "OTHER").value == "stays"
    assert variable(application, "GREETING").value == "good morning"
    assert variable(application, "GREETING", preview=True).value == "hello"
    deploy(coolify, application, tmp_path, GREETING="hello")
    assert variable(application, "GREETING").value == "hello"


@pytest.mark.parametrize(
    "flags",
    [
        {"is_literal": True},
        {"is_multiline": True},
        {"is_shown_once": True},
        {"is_buildtime": False},
        {"is_runtime": False},
    ],
)
def test_a_variable_keeps_its_flags(
    coolify: Coolify, application: Application, tmp_path: Path, flags: dict[str, bool]
) -> None:
    there = Variable("uuid", "GREETING", "hello")
    for name, value in flags.items():
        setattr(there, name, value)
    application.variables.append(there)
    deploy(coolify, application, tmp_path, GREETING="good morning")
    found = variable(application, "GREETING")
    assert found.value == "good morning"
    assert {name: getattr(found, name) for name in flags} == flags


def test_what_is_there_already_is_not_written(coolify: Coolify, application: Application, tmp_path: Path) -> None:
    deploy(coolify, application, tmp_path, GREETING="hello")
    deploy(coolify, application, tmp_path, GREETING="hello")
    assert len(coolify.asked("PATCH /applications/{uuid}/envs/bulk")) == 1


def test_a_value_is_text_whatever_it_looks_like(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    values: dict[str, Any] = {"NUMBER": "1", "QUOTES": "'\"$`\\", "EMPTY": "", "UMLAUT": "ü"}
    deploy(coolify, application, tmp_path, **values)
    assert {key: variable(application, key).value for key in values} == values


def test_variables_that_coolify_does_not_take_are_named_and_the_version_is_not_set(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    coolify.put_in_service(application, "1.0.0")
    coolify.fault("PATCH /applications/{uuid}/envs/bulk", status=422)
    with pytest.raises(TargetError, match="Coolify does not take these values"):
        deploy(coolify, application, tmp_path, GREETING="hello")
    assert application.columns["docker_registry_image_tag"] == "1.0.0"
    assert len(coolify.world.deployments) == 1
