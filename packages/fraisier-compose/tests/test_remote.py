"""Engines elsewhere: behind SSH with one login, beside a context, over TCP."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import HealthCheck
from lab import faults
from lab.lab import ComposeHost, Lab

from .conftest import Site, eventually


@pytest.fixture
def remote(
    make_site: Callable[..., Site], compose_lab: Lab, compose_host: ComposeHost, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A project on an engine that only SSH leads to."""
    monkeypatch.setenv("PATH", compose_lab.client_path)
    site = make_site(compose_host.daemon)
    site.options["docker_host"] = compose_host.url
    return site


def test_one_login_is_enough_for_an_operation(remote: Site, compose_host: ComposeHost) -> None:
    before = compose_host.host.sshd_log().logins
    with remote.session():
        remote.checks()
        remote.deploy("v1")
        assert eventually(remote.health).healthy
    assert compose_host.host.sshd_log().logins == before + 1


def test_ports_and_probes_are_those_of_the_other_side(remote: Site) -> None:
    remote.deploy("v1")
    assert remote.health().healthy
    remote.health_check = HealthCheck(tcp=f"127.0.0.1:{remote.port}")
    assert remote.health().healthy
    remote.health_check = HealthCheck(tcp="127.0.0.1:1")
    assert "connection refused" in remote.health().detail
    remote.web["ports"] = ["127.0.0.1:22:8080"]
    assert "port 22 of web is taken by something else" in remote.failure(remote.deploy, "v2").message
    assert remote.checks()["ports"].startswith("port 22")


def test_a_context_with_an_ssh_endpoint_works_the_same(
    remote: Site, compose_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(compose_lab.docker_config()))
    make = ["docker", "context", "create", "prod", "--docker", f"host={remote.options['docker_host']}"]
    subprocess.run(make, check=True, capture_output=True)
    remote.deploy("v1", docker_host=None, context="prod")
    monkeypatch.setenv("DOCKER_CONTEXT", "prod")
    assert remote.status(docker_host=None).state == "running"


def test_the_environment_of_docker_counts_where_the_options_say_nothing(
    remote: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", remote.options["docker_host"])
    assert remote.deploy("v1", docker_host=None).changed


def test_logs_come_through(remote: Site) -> None:
    remote.deploy("v1")
    assert eventually(remote.log) == ["serving v1"]


def test_a_socket_that_is_not_there(remote: Site) -> None:
    found = remote.checks(docker_host=f"{remote.options['docker_host']}/not/there.sock")["engine"]
    assert "open failed" in found
    assert "ssh://USER@HOST/PATH" in found


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ssh://nobody-there.invalid", "cannot reach nobody-there.invalid by SSH"),
        ("ssh://deploy@127.0.0.1:1", "onnection refused; try it by hand: ssh -p 1 deploy@127.0.0.1"),
    ],
)
def test_a_host_that_cannot_be_reached(remote: Site, address: str, said: str) -> None:
    assert said in remote.checks(docker_host=address)["engine"]
    assert said.partition(";")[0] in remote.failure(remote.deploy, "v1", docker_host=address).message


def test_a_host_whose_key_is_not_known_is_refused(remote: Site, compose_host: ComposeHost) -> None:
    address = f"ssh://deploy@localhost:{compose_host.host.ssh_port}"
    found = remote.checks(docker_host=address)["engine"]
    assert "host key verification failed" in found.lower()
    assert "accept it by hand" in found


def test_an_account_that_may_not_log_in(remote: Site, compose_host: ComposeHost) -> None:
    found = remote.checks(docker_host=compose_host.url.replace("ssh://", "ssh://nobody@"))["engine"]
    assert "permission denied" in found.lower()
    assert "ssh-copy-id" in found


def test_a_connection_that_is_lost_is_told_and_the_next_operation_works(
    remote: Site, compose_host: ComposeHost
) -> None:
    remote.deploy("v1")
    with remote.session():
        remote.status()
        faults.kill_ssh_sessions(compose_host.host)
        assert "cannot be reached" in remote.failure(remote.status).message
    assert remote.status().state == "running"


@pytest.mark.parametrize("name", ["t", "long" * 30])
def test_nothing_is_left_of_a_tunnel(
    remote: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = set(Path("/tmp").glob("fraisier-ssh-*"))
    remote.deploy("v1")
    assert remote.health().healthy
    assert list(folder.iterdir()) == []
    assert set(Path("/tmp").glob("fraisier-ssh-*")) <= before
