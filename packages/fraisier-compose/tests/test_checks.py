"""What pre-flight finds, each with what mends it; and that it changes nothing."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path
from typing import Any

import pytest
from fraisier_compose import hooks
from lab.registry import Registry

from .conftest import Site


def test_everything_is_looked_at(site: Site) -> None:
    with site.target() as target:
        found = {each.name: each.detail for each in hooks.pre_flight(target)}
    assert list(found) == [
        "engine",
        "compose",
        "compose file",
        "project",
        "image",
        "disk space",
        "ports",
        "health check",
    ]
    assert found["engine"].startswith("Docker 2")
    assert found["compose"].startswith("Compose ")
    assert found["compose file"] == f"web of the project {site.name}"
    assert found["image"] == f"{site.repository}:v1 is in its registry"
    assert "MiB free" in found["disk space"]


@pytest.mark.parametrize(
    ("options", "name", "said"),
    [
        ({"docker_host": "unix:///not/there"}, "engine", "the Docker engine cannot be reached"),
        ({"docker_host": "tcp://127.0.0.1:1"}, "engine", "the Docker engine cannot be reached"),
        ({"docker_host": None, "context": "not-there"}, "engine", "docker context ls"),
        ({"compose_file": "not-there.yaml"}, "compose file", "no such file"),
        ({"service_name": "wb"}, "compose file", "its services: web"),
        ({"env_file": "not.env"}, "compose file", "not.env"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(site: Site, options: dict[str, Any], name: str, said: str) -> None:
    found = site.checks(**options)
    assert list(found) == [name]
    assert said in found[name]
    assert not found[name].endswith("; ")


def test_a_machine_without_docker(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        assert "there is no docker command on this machine; install it" in site.checks()["engine"]


def test_a_docker_without_compose(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as without:
        without.setenv("DOCKER_CONFIG", str(tmp_path))
        assert "docker-compose-plugin" in site.checks()["compose"]


def test_a_registry_is_asked_to_let_us_in(site: Site, private_registry: Registry) -> None:
    assert private_registry.login is not None
    private_registry.push(site.name, "v1", site.services.web("v1"))
    image = private_registry.repository(site.name)
    assert "the registry refuses" in site.checks(image=image)["image"]
    login = {
        "server": private_registry.address,
        "username": private_registry.login.user,
        "password": private_registry.login.password,
    }
    assert site.checks(image=image, registry=login) == {}
    found = site.checks(image=image, registry=login | {"password": "wrong-passw0rd"})
    assert "cannot log in to" in found["registry"]
    assert "wrong-passw0rd" not in found["registry"]


def test_the_image_of_the_version_that_is_asked_for_is_looked_for(site: Site) -> None:
    assert site.checks("v2") == {}
    missing = site.checks("v9")["image"]
    assert f"{site.repository}:v9" in missing
    assert "the registry has no such image" in missing
    assert "neither an image's tag nor a digest" in site.checks("v 9")["image"]
    assert site.checks("v9", pull="never") == {}


def test_an_image_that_is_on_the_engine_need_not_be_in_the_registry(site: Site) -> None:
    site.deploy("v1")
    site.docker("tag", f"{site.repository}:v1", f"{site.repository}:here")
    assert "has no such image" in site.checks("here")["image"]
    assert site.checks("here", pull="missing") == {}


def test_a_registry_that_is_down(site: Site) -> None:
    with site.registry.stopped():
        assert "cannot be reached" in site.checks()["image"]
        assert site.checks(pull="never") == {}
    site.deploy("v1")
    with site.registry.stopped():
        assert site.checks(pull="missing") == {}


def test_a_port_that_something_else_has_and_one_that_is_ours(site: Site) -> None:
    site.deploy("v1")
    assert site.checks() == {}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        site.web["ports"].append(f"127.0.0.1:{taken.getsockname()[1]}:8081")
        assert "is taken by something else" in site.checks()["ports"]


def test_the_project_of_another_target(site: Site) -> None:
    site.deploy("v1")
    site.name, name = "other_target", site.name
    try:
        found = site.checks()["project"]
    finally:
        site.name = name
    assert f"belong to {site.name}:test" in found
    assert "project_name" in found


def test_a_service_whose_health_nobody_checks_is_a_warning(site: Site) -> None:
    site.health_check = None
    with site.target() as target:
        [found] = [each for each in hooks.pre_flight(target) if not each.passed]
    assert (found.name, found.required) == ("health check", False)
    site.web["healthcheck"] = {"test": ["CMD", "true"]}
    assert site.checks() == {}


def test_a_variable_that_is_not_set_is_a_warning(site: Site) -> None:
    site.web["environment"] = {"A": "${NOT_SET_ANYWHERE}"}
    with site.target() as target:
        [found] = [each for each in hooks.pre_flight(target) if not each.passed]
    assert (found.name, found.required) == ("variables", False)
    assert "NOT_SET_ANYWHERE" in found.detail


def test_a_file_that_insists_on_a_version_can_be_looked_at(site: Site) -> None:
    site.web["image"] = f"{site.repository}:${{VERSION:?}}"
    assert site.checks() == {}
    assert site.status().state == "stopped"


def test_the_fixes_are_commands_that_a_shell_can_read(site: Site) -> None:
    site.health_check = None
    with site.target() as target:
        for check in hooks.pre_flight(target):
            shlex.split(check.hint)
