"""Locks among real processes: contending, killed, suspended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import DeploymentLockedError
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock, list_locks

Act = Callable[..., "subprocess.Popen[str]"]
TARGET = "my_api:production"


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def wake(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def contend(act: Act, path: Path, folder: Path, processes: int, seconds: float, kind: str) -> tuple[int, int, int]:
    """Return how often processes entered, how often two were inside, and what the counter came to."""
    (folder / "counter").write_text("0")
    crowd = [act("contend", path, folder, seconds, kind) for _ in range(processes)]
    for each in crowd:
        assert heard(each) == "ready"
    for each in crowd:
        wake(each)
    told = [each.communicate(timeout=60)[0].split() for each in crowd]
    assert [each.returncode for each in crowd] == [0] * processes
    entered, overlaps = (sum(int(line[column]) for line in told) for column in (0, 1))
    return entered, overlaps, int((folder / "counter").read_text() or 0)


@pytest.mark.slow
def test_fifty_processes_contend_over_and_over_and_never_two_are_inside(
    act: Act, path: Path, tmp_path: Path
) -> None:
    entered, overlaps, counted = contend(act, path, tmp_path, 50, 1.5, "lock")
    assert overlaps == 0
    assert counted == entered
    assert entered >= 50
    with StateDatabase.open(path) as database:
        assert list_locks(database) == []


@pytest.mark.slow
def test_the_check_above_catches_a_lock_that_does_nothing(act: Act, path: Path, tmp_path: Path) -> None:
    entered, overlaps, counted = contend(act, path, tmp_path, 4, 0.5, "no-lock")
    assert overlaps > 0
    assert counted < entered


def test_a_holder_that_was_killed_is_replaced_at_once(act: Act, path: Path) -> None:
    holder = act("hold", path, 3600)
    assert heard(holder) == "ready"
    with pytest.raises(DeploymentLockedError, match=rf"\(pid {holder.pid}\) .* for my_api:production:1"):
        DeploymentLock(TARGET, "local", database=path, holder="bob@desk").__enter__()
    holder.kill()
    holder.wait()
    started = time.monotonic()
    with (
        DeploymentLock(TARGET, "local", database=path, holder="bob@desk") as lock,
        StateDatabase.open(path) as database,
    ):
        assert time.monotonic() - started < 1
        (closed,) = History(database, lock.fence).close_interrupted("my_api", "production", holding_lock=True)
    assert (closed.error or {})["message"] == "killed during step build"


def test_a_lock_of_a_killed_holder_is_not_listed(act: Act, path: Path) -> None:
    holder = act("hold", path, 3600)
    assert heard(holder) == "ready"
    with StateDatabase.open(path) as database:
        assert [each.pid for each in list_locks(database)] == [holder.pid]
        holder.kill()
        holder.wait()
        assert list_locks(database) == []


@pytest.mark.slow
def test_a_suspended_holder_is_replaced_and_refused_when_it_wakes(act: Act, path: Path) -> None:
    holder = act("hold", path, 0.6)
    assert heard(holder) == "ready"
    os.kill(holder.pid, signal.SIGSTOP)
    with (
        DeploymentLock(TARGET, "local", database=path, holder="bob@desk", wait_seconds=10) as lock,
        StateDatabase.open(path) as database,
    ):
        history = History(database, lock.fence)
        (before,) = history.recent()
        os.kill(holder.pid, signal.SIGCONT)
        wake(holder)
        refusal = heard(holder)
        lock.check()
        assert history.recent() == [before]
        assert (before.status, before.revision) == ("running", None)
        assert history.outcome_of("my_api", "production", "abc") == "unknown"
    assert refusal.startswith(
        "LeaseLostError: this process lost its lock on my_api:production: it expired while this process slept, "
        "now locked by bob@desk"
    )
    assert holder.wait(timeout=10) == 0


def test_a_suspended_holder_whose_lease_nobody_took_goes_on(act: Act, path: Path) -> None:
    holder = act("hold", path, 0.2)
    assert heard(holder) == "ready"
    os.kill(holder.pid, signal.SIGSTOP)
    time.sleep(0.4)
    os.kill(holder.pid, signal.SIGCONT)
    wake(holder)
    assert heard(holder) == "finished"
