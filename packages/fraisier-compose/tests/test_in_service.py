"""What the target tells of itself: from labels, from images, and where somebody else had a hand in it."""

from __future__ import annotations

import pytest
from fraisier import HealthCheck

from .conftest import Site, eventually


def test_nothing_is_told_of_nothing(site: Site) -> None:
    told = site.status()
    assert (told.state, told.release, told.details) == ("stopped", None, {"project": site.name})
    assert site.health().detail == "there is no container of web"


def test_the_labels_tell_the_release(site: Site) -> None:
    done = site.deploy("v1")
    name = f"{site.name}-web-1"
    labels = {
        "version": "v1",
        "revision": site.digests["v1"],
        "target": f"{site.name}:test",
    }
    for label, value in labels.items():
        assert site.inspect(name, f'{{{{index .Config.Labels "fraisier.{label}"}}}}') == value
    assert site.inspect(name, '{{index .Config.Labels "fraisier.deployment"}}')
    told = site.status()
    assert told.release is not None
    assert (told.release.version, told.release.revision) == (done.version, done.revision)
    assert told.details[name] == (
        f"running (healthy), 127.0.0.1:{site.port}->8080/tcp, {site.repository}@{site.digests['v1']}"
    )


def test_what_compose_has_started_by_hand_is_told_by_its_image_and_can_be_gone_back_to(site: Site) -> None:
    site.compose("up", "--detach", "--wait")
    told = site.status()
    assert told.release is not None
    assert (told.state, told.release.version, told.release.revision) == ("running", "v1", site.digests["v1"])
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v9")
    assert done.returncode == 5
    assert site.deploy("v2").changed
    assert [each.revision for each in site.status().earlier] == [site.digests["v1"]]
    site.rollback(told.release)
    assert site.answer() == "v1"


def test_a_replica_that_was_started_by_hand_is_drift(site: Site) -> None:
    del site.web["ports"]
    site.deploy("v2")
    site.compose("up", "--detach", "--no-recreate", "--scale", "web=2")
    assert site.status().details["drift"] == f"{site.name}-web-2 was not put there by fraisier"
    assert site.deploy("v2").changed
    assert "drift" not in site.status().details


def test_a_replica_that_is_missing_is_drift(site: Site) -> None:
    del site.web["ports"]
    site.web["deploy"] = {"replicas": 2}
    site.deploy("v1")
    site.docker("rm", "--force", f"{site.name}-web-2")
    assert site.status().details["drift"] == "1 of 2 containers of web run"
    assert site.deploy("v1").changed


def test_what_was_deployed_from_elsewhere_is_drift_from_the_history(site: Site) -> None:
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    site.deploy("v2")
    assert "the history says v1" in site.fraisier("status", "FRAISE", "ENV").stdout


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (["stop", "--time", "0"], "stopped"),
        (["kill"], "stopped"),
        (["pause"], "stopped"),
    ],
)
def test_the_state_is_what_the_container_does(site: Site, command: list[str], state: str) -> None:
    site.deploy("v1")
    site.docker(*command, f"{site.name}-web-1")
    try:
        told = site.status()
        assert told.release is not None
        assert (told.state, told.release.version) == (state, "v1")
        assert not site.health().healthy
    finally:
        site.docker("unpause", f"{site.name}-web-1", check=False)


def test_a_container_that_becomes_unhealthy_is_told(site: Site) -> None:
    site.deploy("v1")
    site.docker("exec", f"{site.name}-web-1", "rm", "/www/health")
    eventually(lambda: site.status().state == "failed")
    found = site.health()
    assert not found.healthy
    assert "is unhealthy: wget: server returned error: HTTP/1.1 404" in found.detail
    assert not found.final


def test_a_container_that_has_ended_stays_so(site: Site) -> None:
    site.deploy("v1")
    site.docker("kill", f"{site.name}-web-1")
    found = site.health()
    assert (found.healthy, found.final) == (False, True)


def test_a_container_that_has_exited_by_itself_has_failed(site: Site) -> None:
    site.push("v1", site.services.exiting("v1", code=4))
    site.compose("up", "--detach")
    eventually(lambda: site.status().state == "failed")
    assert "exited with code 4" in site.status().details[f"{site.name}-web-1"]


def test_restarts_are_told(site: Site) -> None:
    site.web["restart"] = "on-failure:3"
    site.push("v1", site.services.crashing("v1", times=1))
    site.health_check = None
    site.deploy("v1")
    assert "restarted 1 times" in site.status().details[f"{site.name}-web-1"]
    assert site.health().healthy


@pytest.mark.parametrize(
    ("command", "healthy", "said"),
    [
        ("cat /version", True, "got exit code 0"),
        ("exit 3", False, "got exit code 3"),
        ("sleep 60", False, "no answer"),
    ],
)
def test_a_command_is_run_in_the_container(site: Site, command: str, healthy: bool, said: str) -> None:
    site.deploy("v1")
    site.health_check = HealthCheck(command=command, probe_timeout=2)
    found = site.health()
    assert found.healthy == healthy
    assert said in found.detail


def test_a_tcp_check_is_asked_where_the_engine_publishes(site: Site) -> None:
    site.deploy("v1")
    site.health_check = HealthCheck(tcp=f"127.0.0.1:{site.port}")
    assert site.health().healthy
