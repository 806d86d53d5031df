"""How a command ends that may run no longer."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from fraisier import process_started, run_shell


def test_a_command_that_takes_too_long_may_clean_up(tmp_path: Path) -> None:
    lock = tmp_path / "held.lock"
    line = "trap 'rm held.lock; exit' TERM; touch held.lock; sleep 60 & wait"
    with pytest.raises(TimeoutError):
        run_shell(line, timeout=0.5, folder=tmp_path)
    assert not lock.exists()


def test_what_does_not_listen_is_killed_with_all_that_it_started() -> None:
    pids: list[str] = []
    with pytest.raises(TimeoutError):
        run_shell("trap '' TERM; sleep 60 & echo $!; echo $$; wait", timeout=0.3, on_line=pids.append)
    assert [process_started(int(pid)) for pid in pids] == [None, None]


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
