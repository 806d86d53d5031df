"""The pytest plugin: fixtures `lab`, `host` and `shared_host`, the marker `lab`, and FRAISIER_LAB.

FRAISIER_LAB=auto (default) uses a lab when one is up or can be started without installing anything, `required`
fails where none can be had, `off` skips. Each xdist worker opens a run of its own on the one engine: a host boots
in about a second, so nothing needs to be shared, and tests that use hosts spread over the workers like all others.
The very first time, making the base image takes a minute or two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab.engine import problem
from lab.folder import LabError
from lab.host import Host
from lab.lab import Lab, open_lab

VARIABLE = "FRAISIER_LAB"
MODES = ("auto", "required", "off")
HINT = "`hatch run lab:up` installs and starts it"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs real hosts (set on every test that uses the fixture `lab`)")
    if _mode() not in MODES:
        raise pytest.UsageError(f"{VARIABLE} is {_mode()!r}; it can be {', '.join(MODES)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker("lab")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A run of the lab, for all tests of this process."""
    mode = _mode()
    if mode == "off":
        pytest.skip(f"the lab is off ({VARIABLE}=off)")
    if mode == "auto" and (why := problem()):
        pytest.skip(f"no lab: {why}; {HINT}")
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_lab())
        except LabError as error:
            if mode == "auto":
                pytest.skip(f"no lab: {error}; {HINT}")
            pytest.fail(f"{VARIABLE}=required, and there is no lab: {error}; {HINT}", pytrace=False)
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


def _mode() -> str:
    return os.environ.get(VARIABLE, "auto")
