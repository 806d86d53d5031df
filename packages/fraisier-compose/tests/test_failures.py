"""What goes wrong, in its own clear words; whatever it is, the old version is in service afterwards."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest
from fraisier import HealthCheck
from lab.daemon import Daemon
from lab.registry import Registry
from lab.services import Image, Services

from .conftest import Site


def untouched(site: Site, version: str, **options: object) -> str:
    """Deploy v1, then a version that is to fail before anything is touched; return what is said."""
    site.deploy("v1")
    before = site.inspect(f"{site.name}-web-1", "{{.Id}} {{.State.StartedAt}}")
    error = site.failure(site.deploy, version, **options)
    assert site.inspect(f"{site.name}-web-1", "{{.Id}} {{.State.StartedAt}}") == before
    assert site.answer() == "v1"
    return f"{error.message}; {error.hint}\n" + "\n".join(error.log)


def test_a_tag_that_does_not_exist(site: Site) -> None:
    said = untouched(site, "v9")
    assert f"cannot pull {site.repository}:v9: the registry has no such image" in said
    assert "manifest unknown" in said


def test_a_digest_that_does_not_exist(site: Site) -> None:
    assert "the registry has no such image" in untouched(site, f"sha256:{'0' * 64}")


def test_a_registry_that_refuses(site: Site, private_registry: Registry) -> None:
    private_registry.push(site.name, "v1", site.services.web("v1"))
    said = untouched(site, "v1", image=private_registry.repository(site.name))
    assert "the registry refuses" in said
    assert "set registry" in said


def test_a_registry_that_refuses_the_login(site: Site, private_registry: Registry) -> None:
    private_registry.push(site.name, "v1", site.services.web("v1"))
    login = {"server": private_registry.address, "username": "alice", "password": "wrong-passw0rd"}
    said = untouched(site, "v1", image=private_registry.repository(site.name), registry=login)
    assert "the registry refuses" in said
    assert "wrong-passw0rd" not in said


def test_a_registry_that_is_down(site: Site) -> None:
    site.deploy("v1")
    with site.registry.stopped():
        error = site.failure(site.deploy, "v2")
    assert "the registry cannot be reached from the engine" in error.message
    assert site.answer() == "v1"


@pytest.mark.parametrize("in_list", [False, True], ids=["alone", "in a list"])
def test_an_image_for_another_architecture(site: Site, in_list: bool) -> None:
    image = site.services.for_another_machine("v3")
    site.registry.push(site.name, "v3", image, in_list=in_list)
    assert "is for another architecture than the engine's" in untouched(site, "v3")


def test_a_port_that_something_else_has(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        site.deploy("v1")
        site.web["ports"] = [f"127.0.0.1:{number}:8080"]
        error = site.failure(site.deploy, "v2")
    assert f"port {number} of web is taken by something else" in error.message
    assert "ss -ltnp" in error.hint
    assert site.answer() == "v1"


def test_a_full_disk(engine: Daemon, make_site: Callable[..., Site], services: Services) -> None:
    site = make_site(engine)
    site.push("v3", services.big("v3", megabytes=8))
    site.deploy("v1")
    engine.fill(leaving=4 << 20)
    error = site.failure(site.deploy, "v3")
    assert "the engine's disk is full" in error.message
    assert "docker system df" in error.hint
    assert site.answer() == "v1"
    assert "disk space" in site.checks()
    engine.free()
    assert site.deploy("v3").changed


BROKEN: dict[str, tuple[Callable[[Services], Image], str]] = {
    "unhealthy": (lambda services: services.unhealthy("v3"), "is unhealthy: wget: server returned error"),
    "exits": (lambda services: services.exiting("v3", code=4), "exited with code 4"),
    "exits with 0": (lambda services: services.exiting("v3", code=0), "exited with code 0"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_container_that_fails_is_told_with_its_log_and_goes_back(site: Site, kind: str) -> None:
    make, said = BROKEN[kind]
    site.push("v3", make(site.services))
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v3", "--json")
    assert done.returncode == 8, done.stderr
    error = json.loads(done.stdout)["error"]
    assert f"{site.name}-web-1 {said}" in error["message"]
    assert f"{site.name}-web-1: {said}" in error["problems"][0]
    assert error["step"] == "wait"
    assert any("v3" in line for line in error["log"])
    assert site.answer() == "v1"
    told = site.status()
    assert told.release is not None
    assert (told.state, told.release.version) == ("running", "v1")


def test_a_container_that_is_restarted_twice_has_failed(site: Site) -> None:
    site.web["restart"] = "always"
    site.push("v3", site.services.exiting("v3"))
    site.health_check = None
    error = site.failure(site.deploy, "v3")
    assert f"{site.name}-web-1 exited with code 3, and was restarted" in error.message
    assert "v3 cannot start" in error.log


def test_the_deadline_ends_the_wait(site: Site) -> None:
    site.web["environment"] = {"START_DELAY": "60"}
    site.web["healthcheck"] = {"test": ["CMD", "true"], "interval": "60s", "start_period": "60s"}
    error = site.failure(site.deploy, "v1", wait_timeout=1, stop_timeout=0)
    assert error.message.startswith(f"after 1 s {site.name}-web-1 is running (starting)")


def test_a_dependency_that_fails_is_told_with_its_log(site: Site) -> None:
    site.push("v1", site.services.exiting("v1", code=5), f"{site.name}-migrate")
    site.file["services"]["migrate"] = {"image": f"{site.repository}-migrate:v1"}
    site.web["depends_on"] = {"migrate": {"condition": "service_completed_successfully"}}
    error = site.failure(site.deploy, "v1")
    assert error.message.startswith("cannot start web: ")
    assert error.problems == [f"{site.name}-migrate-1: exited with code 5"]
    assert error.log == ["v1 cannot start"]
    assert " compose --file " in error.command


def test_a_health_check_that_fails_goes_back(site: Site) -> None:
    site.health_check = HealthCheck(url=f"{site.url}missing", timeout=1)
    site.deploy("v1")
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert done.returncode == 9, done.stderr
    assert "got 404" in done.stderr
    assert site.answer() == "v1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [", "yaml"),
        ("services: {web: {imagee: x}}", "imagee"),
        ("services: {other: {image: x}}", "there is no service web in compose.yaml; its services: other"),
        ("services: {web: {image: 'x:${A:?set A}'}}", "set A"),
        ("services: {web: {extends: {service: base, file: none.yaml}}}", "none.yaml"),
    ],
)
def test_a_broken_file_is_told_in_composes_own_words(site: Site, text: str, said: str) -> None:
    site.deploy("v1")
    (site.folder / "broken.yaml").write_text(text)
    error = site.failure(site.deploy, "v2", compose_file="broken.yaml", project_name=site.name)
    assert error.exit_code == 3
    assert said in error.message.replace("broken.yaml", "compose.yaml")
    assert "broken.yaml" in error.message
    assert "compose file" in site.checks(compose_file="broken.yaml")
    assert site.answer() == "v1"


def test_both_streams_of_a_failed_command_are_kept(site: Site) -> None:
    site.web["devices"] = ["/dev/not-there"]
    error = site.failure(site.deploy, "v1")
    assert "not-there" in error.message
    assert any("Creat" in line for line in error.log)
    assert error.command.startswith(f"docker --host {site.engine.url} compose --file ")
    assert " up --detach " in error.command
