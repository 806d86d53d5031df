"""Doing the same with several things at the same time."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from fraisier import in_parallel


def test_what_each_gave_comes_in_order_and_so_many_are_worked_on_at_once() -> None:
    at_work, most, guard = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal at_work, most
        with guard:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.01 * (6 - number))
        with guard:
            at_work -= 1
        return number * number

    assert in_parallel([1, 2, 3, 4, 5], work, at_once=2) == [1, 4, 9, 16, 25]
    assert most == 2
    assert in_parallel([], work, at_once=2) == []


def test_what_one_raises_is_raised_when_all_have_ended() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(ZeroDivisionError):
        in_parallel([1, 2, 3], work, at_once=2)
    assert sorted(done) == [2, 3]


def test_at_ctrl_c_what_runs_is_told_to_end_and_nothing_more_is_begun() -> None:
    begun: list[int] = []
    given_up, ended = threading.Event(), threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        # It comes while everybody waits.
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        given_up.wait(30)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        in_parallel([1, 2], work, at_once=1, on_interrupt=given_up.set, farewell=30)
    assert ended.is_set()
    assert begun == [1]


def test_what_does_not_end_at_ctrl_c_is_left_behind() -> None:
    ended = threading.Event()

    def work(number: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(30)

    with pytest.raises(KeyboardInterrupt):
        in_parallel([1], work, at_once=1)
    assert not ended.is_set()
    ended.set()
