"""The relay by itself, between sockets of this process; no hosts are needed."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lab.relay import Relay


class Echo(socketserver.StreamRequestHandler):
    """Sends back what comes, and then that there is no more."""

    def handle(self) -> None:
        while piece := self.request.recv(65536):
            self.request.sendall(piece)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was reset is what these tests are about."""


@pytest.fixture
def echo() -> Iterator[int]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def exchange(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    return connection.recv(len(said), socket.MSG_WAITALL)


def test_a_round_trip_takes_twice_the_delay_and_the_first_one_a_handshake_more(echo: int) -> None:
    with Relay(echo, delay=0.05) as relay:
        started = time.monotonic()
        with connect(relay.port) as connection:
            assert exchange(connection, b"one") == b"one"
            first = time.monotonic()
            assert exchange(connection, b"two") == b"two"
            second = time.monotonic()
    # At least so long: that a busy machine takes longer says nothing.
    assert first - started >= 0.2
    assert second - first >= 0.1


def test_all_bytes_arrive_in_order_and_the_end_after_them(echo: int) -> None:
    said = bytes(range(256)) * 40_000
    with Relay(echo, delay=0.001) as relay, connect(relay.port) as connection:

        def send() -> None:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        with connection.makefile("rb") as answer:
            assert answer.read() == said
        sender.join()


def test_a_way_of_a_given_rate_carries_no_more(echo: int) -> None:
    with Relay(echo) as relay, connect(relay.port) as connection:
        assert exchange(connection, b"one") == b"one"
        relay.rate = 100_000
        started = time.monotonic()
        # There and back: the second piece of each way waits for the first.
        assert exchange(connection, bytes(20_000)) == bytes(20_000)
        assert exchange(connection, b"two") == b"two"
        assert time.monotonic() - started >= 0.2


def test_a_cut_resets_what_is_open_and_lets_in_what_comes(echo: int) -> None:
    with Relay(echo) as relay:
        with connect(relay.port) as connection:
            assert exchange(connection, b"one") == b"one"
            relay.cut()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        with connect(relay.port) as connection:
            assert exchange(connection, b"two") == b"two"
        assert relay.connections == 2


def test_what_is_forgotten_is_reset_on_the_near_side_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Relay(server.getsockname()[1]) as relay:
        with connect(relay.port) as near, server.accept()[0] as far:
            near.sendall(b"one")
            far.settimeout(10)
            assert far.recv(3, socket.MSG_WAITALL) == b"one"
            relay.forget()
            with pytest.raises(ConnectionResetError):
                near.recv(1)
            far.sendall(b"two")
            far.settimeout(0.1)
            with pytest.raises(TimeoutError):
                far.recv(1)
        with connect(relay.port), server.accept()[0]:
            assert relay.connections == 2


def test_a_cut_resets_what_was_accepted_just_now(echo: int) -> None:
    with Relay(echo) as relay:
        for _ in range(10):
            # Some of them are coming in while the cut is made: those are relayed, or reset like the others.
            connections = [connect(relay.port) for _ in range(10)]
            relay.cut()
            for connection in connections:
                with connection, suppress(ConnectionError):
                    assert exchange(connection, b"one") == b"one"


def test_nothing_passes_a_stalled_relay_until_it_resumes(echo: int) -> None:
    with Relay(echo) as relay, connect(relay.port) as connection:
        assert exchange(connection, b"one") == b"one"
        relay.stall()
        connection.sendall(b"two")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(3)
        relay.resume()
        connection.settimeout(10)
        assert connection.recv(3, socket.MSG_WAITALL) == b"two"


def test_a_refusing_relay_keeps_what_is_open_and_accepts_again_on_the_same_port(echo: int) -> None:
    with Relay(echo) as relay, connect(relay.port) as connection:
        assert exchange(connection, b"one") == b"one"
        relay.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(relay.port)
        assert exchange(connection, b"two") == b"two"
        relay.accept()
        with connect(relay.port) as another:
            assert exchange(another, b"three") == b"three"


def test_a_port_on_which_nobody_listens_is_seen_as_a_reset(echo: int) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            Relay(nobody.getsockname()[1]) as relay,
            pytest.raises(ConnectionResetError),
            connect(relay.port) as connection,
        ):
            connection.recv(1)
