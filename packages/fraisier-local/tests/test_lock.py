"""One deployment of a target at a time."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fraisier import DeploymentLockedError
from fraisier_local import hooks

from .conftest import Site

QUIET: dict[str, Any] = {"command": "exec sleep 600"}
HOLD = """
    from fraisier_local.layout import Layout
    from fraisier_local.lock import locked
    with locked(Layout(target.folder / "app"), target):
        print("held", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def held(site: Site) -> Iterator[subprocess.Popen[str]]:
    with site.elsewhere(HOLD, stdin=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def test_a_second_deployer_is_refused_and_told_who_is_at_work(site: Site) -> None:
    deployed = site.deploy("v1", **QUIET)
    with held(site) as holder:
        attempts: list[Callable[[], object]] = [
            lambda: site.deploy("v1", force=True, **QUIET),
            lambda: site.rollback(deployed, **QUIET),
        ]
        for again in attempts:
            with pytest.raises(DeploymentLockedError) as caught:
                again()
            begin = f"my_api:test is being deployed by bob@ci (pid {holder.pid}) since 20"
            assert caught.value.message.startswith(begin)


def test_looking_needs_no_lock(site: Site) -> None:
    site.deploy("v1", **QUIET)
    with held(site):
        assert hooks.status(site.target()).state == "running"


def test_the_lock_of_a_killed_deployer_is_free(site: Site) -> None:
    with held(site) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()

        assert site.deploy("v1", **QUIET).changed


def test_the_service_does_not_hold_the_lock_of_the_deployer_that_started_it(site: Site) -> None:
    site.options |= QUIET
    with site.elsewhere("""
        hooks.deploy(target, Release(version="v1"), progress)
        os.kill(os.getpid(), signal.SIGKILL)
    """) as killed:
        killed.wait(timeout=30)

    assert site.deploy("v1", force=True).changed


def test_a_holder_that_has_written_nothing_yet_is_somebody(site: Site) -> None:
    site.deploy("v1", **QUIET)
    with held(site):
        (site.app / ".fraisier" / "lock").write_bytes(b"")
        with pytest.raises(DeploymentLockedError, match="is being deployed by somebody else;"):
            site.deploy("v1")
