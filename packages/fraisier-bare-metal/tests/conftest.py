"""Repositories and sites for the tests, each with a home of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .agent_client import Client
from .service import BROKEN, SERVICE
from .site import Site, numbers


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no agent."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    # The docker command of the lab goes on with the developer's own settings.
    monkeypatch.setenv("DOCKER_CONFIG", os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(scope="session")
def three_versions(lab: Lab) -> Repository:
    """A repository that tests only read: v1 and v2 work, v3 does not."""
    repository = lab.git.create("my_api")
    repository.commit("v1", {"service.py": SERVICE})
    repository.commit("v2")
    repository.commit("v3", {"service.py": BROKEN})
    return repository


@pytest.fixture
def new_repository(lab: Lab) -> Repository:
    """A repository of the test's own, which has v1."""
    repository = lab.git.create(f"own_{next(numbers)}")
    repository.commit("v1", {"service.py": SERVICE})
    return repository


@pytest.fixture
def make_site(lab: Lab, home: Path, three_versions: Repository, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Set up a service on given hosts: `make_site(host)`, or `make_site(*hosts, layout="in_place")`."""
    (home / ".ssh" / "config").symlink_to(lab.ssh_config)
    made: list[Site] = []

    def make(
        *hosts: Host, layout: str = "releases", repository: Repository | None = None, set_up: bool = True
    ) -> Site:
        site = Site(hosts, repository or three_versions, tmp_path)
        made.append(site)
        if set_up:
            site.set_up(layout)
        return site

    yield make
    for site in made:
        site.end()


@pytest.fixture
def site(make_site: Callable[..., Site], shared_host: Host) -> Site:
    """A service with the layout `releases` on a host that other tests use too."""
    return make_site(shared_host)


@pytest.fixture(params=["/bin/sh", "/bin/bash"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    started: list[Client] = []

    def one(watch: float = 20) -> Client:
        started.append(Client(request.param, watch))
        return started[-1]

    yield one
    for each in started:
        if not each.ended():
            each.process.kill()
        with each.process:
            pass
