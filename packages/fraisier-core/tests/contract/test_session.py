"""A session opens each connection once, and closes all of them, whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fraisier import Session


class Connection:
    """Notes in a common list that it was closed."""

    def __init__(self, name: str, closed: list[str], failing: bool = False) -> None:
        self.name = name
        self.closed = closed
        self.failing = failing

    def close(self) -> None:
        self.closed.append(self.name)
        if self.failing:
            raise OSError("gone already")


def test_the_same_key_gives_the_same_connection() -> None:
    closed: list[str] = []
    with Session() as session:
        first = session.get("ssh:a", lambda: Connection("a", closed))
        again = session.get("ssh:a", lambda: Connection("again", closed))
        other = session.get("ssh:b", lambda: Connection("b", closed))
        assert first is again
        assert other is not first
        assert closed == []
    assert closed == ["b", "a"]


def test_connections_are_closed_in_reverse_even_if_closing_fails() -> None:
    closed: list[str] = []
    with Session() as session:
        for name in ("gateway", "host", "tunnel"):
            session.get(name, lambda name=name: Connection(name, closed, failing=True))  # type: ignore[misc]
    assert closed == ["tunnel", "host", "gateway"]


def test_one_connection_may_be_opened_through_another() -> None:
    closed: list[str] = []
    with Session() as session:

        def through_gateway() -> Connection:
            session.get("gateway", lambda: Connection("gateway", closed))
            return Connection("host", closed)

        session.get("host", through_gateway)
    assert closed == ["host", "gateway"]


def test_connections_are_closed_when_the_work_fails() -> None:
    closed: list[str] = []
    session = Session()
    session.get("a", lambda: Connection("a", closed))
    with pytest.raises(ZeroDivisionError), session:
        raise ZeroDivisionError
    assert closed == ["a"]


def test_a_failed_opening_is_told_and_tried_again() -> None:
    def refuse() -> Connection:
        raise ConnectionRefusedError("no")

    with Session() as session:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError, match=r"^no$"):
                session.get("a", refuse)
        assert session.get("a", lambda: Connection("a", [])).name == "a"


def test_threads_that_ask_at_the_same_time_share_one_connection() -> None:
    opened: list[str] = []
    together = threading.Barrier(16)

    def slow() -> Connection:
        opened.append("x")
        threading.Event().wait(0.05)
        return Connection("a", [])

    def ask() -> Connection:
        together.wait()
        return session.get("a", slow)

    with Session() as session, ThreadPoolExecutor(16) as pool:
        found = [each.result() for each in [pool.submit(ask) for _ in range(16)]]
    assert opened == ["x"]
    assert len(set(map(id, found))) == 1


def test_different_keys_open_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=5)

    def opening() -> Connection:
        together.wait()
        return Connection("a", [])

    with Session() as session, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(session.get, key, opening) for key in "ab"]
        assert all(each.result() for each in asked)


@pytest.mark.parametrize("key", ["held", "new"])
def test_nothing_is_given_after_the_end(key: str) -> None:
    closed: list[str] = []
    with Session() as session:
        session.get("held", lambda: Connection("held", closed))
    with pytest.raises(RuntimeError, match=f"^the session is closed; {key} cannot be opened$"):
        session.get(key, lambda: Connection(key, closed))
    session.close()
    assert closed == ["held"]


def test_what_is_opened_while_the_session_closes_is_closed_too() -> None:
    closed: list[str] = []
    session = Session()

    def slow() -> Connection:
        session.close()
        return Connection("late", closed)

    with pytest.raises(RuntimeError, match=r"^the session is closed; late cannot be opened$"):
        session.get("late", slow)
    assert closed == ["late"]
