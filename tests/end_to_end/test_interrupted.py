"""Ctrl-C and SIGTERM at every step: exit code 130, the old version in service, and the history says so."""

from __future__ import annotations

import signal
import sys
from signal import SIGINT, SIGTERM

import pytest

from .conftest import Site, eventually

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and packet pipes")]


def was_left_in_service(site: Site, version: str, number: signal.Signals) -> None:
    assert site.answer() == version
    (pid,) = site.processes()
    told = site.status()
    assert (told["state"], told["version"], told["details"]["pid"]) == ("running", version, pid)
    row = site.history()[0]
    assert (row["status"], row["error"]["kind"], row["error"]["code"]) == ("interrupted", "interrupted", 130)
    assert f"greeter here was interrupted by {number.name}" in row["error"]["message"]
    assert "running" not in [step["status"] for step in row["steps"]]
    assert site.look("lock", "list") == []


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("pre-flight", SIGINT),
        ("fetch", SIGTERM),
        ("export", SIGINT),
        ("build", SIGTERM),
        ("stop", SIGINT),
        ("switch", SIGTERM),
        ("start", SIGINT),
        ("health", SIGTERM),
    ],
)
def test_a_deployment_interrupted_at_a_step(shared_site: Site, step: str, number: signal.Signals) -> None:
    old, new = shared_site.versions()
    with shared_site.running("deploy", "greeter", "here", "--version", new) as running:
        running.until(f"{step} ...")
        assert running.signalled(number) == 130
    assert running.lines[-1].startswith(f"fraisier: greeter here was interrupted by {number.name}")
    was_left_in_service(shared_site, old, number)


def test_a_build_is_ended_with_its_deployment(shared_site: Site) -> None:
    old, new = shared_site.versions()
    with shared_site.held_build(), shared_site.running("deploy", "greeter", "here", "--version", new) as running:
        running.until("  | $ if test -p")
        eventually(lambda: len(shared_site.processes()) > 1)
        assert running.signalled(SIGINT) == 130
    was_left_in_service(shared_site, old, SIGINT)


def test_a_service_that_is_slow_to_stop_is_replaced_by_the_old_version(shared_site: Site) -> None:
    old, new = shared_site.versions()
    slow = shared_site.hold / "stop"
    slow.touch()
    with shared_site.running("deploy", "greeter", "here", "--version", new) as running:
        running.until("stop ...")
        last = ("logs", "greeter", "here", "-n", "1")
        eventually(lambda: shared_site.look(*last)["lines"] == ["asked to stop"])
        slow.unlink()
        assert running.signalled(SIGTERM) == 130
    was_left_in_service(shared_site, old, SIGTERM)


def test_following_a_log_is_ended_by_ctrl_c_with_exit_code_0(shared_site: Site) -> None:
    with shared_site.running("logs", "greeter", "here", "-f", "-n", "1") as running:
        assert running.process.stdout is not None
        assert running.process.stdout.readline().startswith("serving ")
        assert running.signalled(SIGINT) == 0
    assert running.lines == []
