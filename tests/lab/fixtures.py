"""The pytest plugin: fixtures for hosts, engines and registries, the marker `lab`, and FRAISIER_LAB.

FRAISIER_LAB=auto (default) uses a lab when one is up or can be started without installing anything, `required`
fails where none can be had, `off` skips. Each xdist worker opens a run of its own on the one engine: a host boots
in about a second, so nothing needs to be shared, and tests that use hosts spread over the workers like all others.
The very first time, making the base image takes a minute or two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from lab import daemon, tools
from lab.daemon import Daemon
from lab.engine import problem
from lab.folder import Folder, LabError
from lab.host import Host
from lab.lab import ComposeHost, Lab, open_lab
from lab.registry import LOGIN, Registry
from lab.services import Services

VARIABLE = "FRAISIER_LAB"
MODES = ("auto", "required", "off")
HINT = "`hatch run lab:up` installs and starts it"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs real hosts (set on every test that uses the fixture `lab`)")
    if _mode() not in MODES:
        raise pytest.UsageError(f"{VARIABLE} is {_mode()!r}; it can be {', '.join(MODES)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not {"lab", "compose_lab"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("lab")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A run of the lab, for all tests of this process."""
    mode = _mode()
    if mode == "off":
        pytest.skip(f"the lab is off ({VARIABLE}=off)")
    if mode == "auto" and (why := problem()):
        _do_without(why)
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_lab())
        except LabError as error:
            _do_without(str(error))
        yield opened


@pytest.fixture(scope="session")
def shared_host(lab: Lab) -> Iterator[Host]:
    """A host for tests that disturb no other: they only look, or use a unit and a folder of their own."""
    with lab.host() as host:
        yield host


@pytest.fixture
def host(lab: Lab) -> Iterator[Host]:
    """A host of the test's own."""
    with lab.host() as host:
        yield host


@pytest.fixture(scope="session")
def compose_lab(request: pytest.FixtureRequest) -> Lab:
    """The lab, where it has what Compose projects need: engines of the tests' own, and a registry."""
    if _mode() != "off":
        folder = Folder.of_environment()
        if why := daemon.problem():
            _do_without(why)
        if packages := tools.missing_packages(folder):
            _do_without(f"{', '.join(packages)} not unpacked in {folder.tools}")
    lab: Lab = request.getfixturevalue("lab")
    return lab


@pytest.fixture
def engine(compose_lab: Lab) -> Iterator[Daemon]:
    """An engine of the test's own, empty."""
    with compose_lab.daemon() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def shared_engine(compose_lab: Lab) -> Iterator[Daemon]:
    """An engine for tests that have projects, images and ports of their own in it; it can be restarted."""
    with compose_lab.daemon() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def compose_host(compose_lab: Lab, registry: Registry, private_registry: Registry) -> Iterator[ComposeHost]:
    """A host with an engine that is reached over SSH alone, and pulls from the registries."""
    with compose_lab.compose_host(registry, private_registry) as host:
        yield host


@pytest.fixture(scope="session")
def registry(compose_lab: Lab) -> Iterator[Registry]:
    """A registry for tests that push to repositories of their own, and put it in order where they disturb it."""
    with compose_lab.registry() as registry:
        yield registry


@pytest.fixture(scope="session")
def private_registry(compose_lab: Lab) -> Iterator[Registry]:
    """A registry that asks for a login: `private_registry.login`."""
    with compose_lab.registry(LOGIN) as registry:
        yield registry


@pytest.fixture(scope="session")
def services(compose_lab: Lab) -> Services:
    """Images of services, to push: `registry.push("my_api", "v1", services.web("v1"))`."""
    return compose_lab.services


def _do_without(why: str) -> NoReturn:
    if _mode() == "required":
        pytest.fail(f"{VARIABLE}=required, and there is no lab: {why}; {HINT}", pytrace=False)
    pytest.skip(f"no lab: {why}; {HINT}")


def _mode() -> str:
    return os.environ.get(VARIABLE, "auto")
