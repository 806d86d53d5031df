"""How a command ends that may run no longer."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from fraisier import process_started, run_shell


def test_a_command_that_takes_too_long_may_clean_up(tmp_path: Path) -> None:
    lock = tmp_path / "held.lock"
    line = "trap 'rm held.lock; exit' TERM; touch held.lock; sleep 60 & wait"
    with pytest.raises(TimeoutError):
        run_shell(line, timeout=0.5, folder=tmp_path)
    assert not lock.exists()


def test_what_does_not_listen_is_killed_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraisier.contract.commands._GRACE", 0.1)
    pids: list[str] = []
    with pytest.raises(TimeoutError):
        run_shell("trap '' TERM; sleep 60 & echo $!; echo $$; wait", timeout=0.3, on_line=pids.append)
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(process_started(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.01)


def test_a_command_that_is_interrupted_may_clean_up(tmp_path: Path) -> None:
    lock = tmp_path / "held.lock"

    def interrupt(_: str) -> None:
        assert lock.exists()
        assert threading.current_thread() is threading.main_thread()
        signal.raise_signal(signal.SIGINT)

    line = "trap 'rm held.lock; exit' TERM; touch held.lock; echo ready; sleep 60 & wait"
    with pytest.raises(KeyboardInterrupt):
        run_shell(line, timeout=30, folder=tmp_path, on_line=interrupt)
    assert not lock.exists()


CHILDREN = Path(f"/proc/self/task/{threading.get_native_id()}/children")


@pytest.mark.skipif(not CHILDREN.exists(), reason="needs a kernel that lists the children of a thread")
def test_an_interruption_in_the_moment_in_which_a_command_starts_leaves_nothing_behind() -> None:
    before = CHILDREN.read_text()

    def interrupt_as_soon_as_there_is_a_child() -> None:
        while CHILDREN.read_text() == before:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    for _ in range(20):
        interrupting = threading.Thread(target=interrupt_as_soon_as_there_is_a_child)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            run_shell("exec sleep 60", timeout=50)
        interrupting.join()
        assert CHILDREN.read_text() == before
