"""The logs of the containers: bounded, in order, each replica by its name, for as long as somebody reads."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from fraisier_compose import hooks

from .conftest import Site, eventually


@pytest.fixture
def workers(site: Site) -> Site:
    """A site with two workers, which write all the time."""
    site.push("v1", site.services.worker("v1"))
    del site.web["ports"]
    site.web["deploy"] = {"replicas": 2}
    site.health_check = None
    site.deploy("v1", stop_timeout=0)
    return site


def test_a_single_container_needs_no_name(site: Site) -> None:
    site.deploy("v1")
    assert eventually(site.log) == ["serving v1"]


@pytest.mark.parametrize("lines", [0, 1, 5])
def test_no_more_lines_than_asked_for(workers: Site, lines: int) -> None:
    eventually(lambda: len(workers.log(10)) == 10)
    assert len(workers.log(lines)) == lines


def test_replicas_are_told_apart(workers: Site) -> None:
    eventually(lambda: {line.partition(" | ")[0] for line in workers.log(10)} == {"web-1", "web-2"})
    assert {line.partition(" | ")[2] for line in workers.log(10)} == {"working v1"}


def test_what_is_older_is_left_out(workers: Site) -> None:
    eventually(lambda: workers.log(10))
    assert workers.log(10, since=datetime.now(UTC) + timedelta(minutes=1)) == []
    assert workers.log(10, since=datetime.now(UTC) - timedelta(minutes=1))


@pytest.mark.parametrize("lines", [0, 2])
def test_following_goes_on_until_nobody_reads(workers: Site, lines: int) -> None:
    with workers.target() as target:
        found = hooks.logs(target, lines, True, None)
        assert isinstance(found, Generator)
        heard = list(islice(found, 12))
        found.close()
    assert {line.partition(" | ")[0] for line in heard} == {"web-1", "web-2"}
    assert {line.partition(" | ")[2] for line in heard} == {"working v1"}


def test_both_streams_are_there_in_order(site: Site) -> None:
    site.web["command"] = ["sh", "-c", "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three; exec sleep 60"]
    site.web["healthcheck"] = {"disable": True}
    site.web["stop_grace_period"] = "0s"
    site.health_check = None
    site.deploy("v1")
    assert eventually(lambda: len(site.log()) == 3 and site.log()) == ["one", "two", "three"]


def test_a_log_that_goes_elsewhere_says_so(site: Site) -> None:
    site.web["logging"] = {"driver": "none"}
    site.deploy("v1")
    assert "goes elsewhere" in site.failure(site.log).message
