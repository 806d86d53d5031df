"""A small HTTP server on a loopback port, which ends at once and with all of its connections."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any

from .answers import Answer

_POLL = 0.02


class Handler(BaseHTTPRequestHandler):
    """Writes each answer in one piece, and no log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "nginx"
    sys_version = ""

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def send(self, answer: Answer, *, date: str | None = None, cut: bool = False) -> None:
        """Write an answer, or its head and half of its body."""
        self.send_response_only(answer.status)
        self.send_header("Date", date or self.date_time_string())
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if cut:
            self.close_connection = True
        body = answer.body[: len(answer.body) // 2] if cut else answer.body
        # Head and body in one segment: a body of its own would wait for the head to be acknowledged.
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()

    def hang_up(self) -> None:
        """Close the connection without another word."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Listener(ThreadingHTTPServer):
    """Listens on 127.0.0.1; `port` 0 takes a free one."""

    daemon_threads = False

    def __init__(self, handler: type[Handler], port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", port), handler)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server_address[1]}"
        if context is not None:
            # The handshake waits until its own thread reads, so that a slow client blocks nobody.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL,), name=self.url, daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Cut all connections and free the port."""
        self.shutdown()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it is open."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client went away or did not trust the certificate; that is tested on purpose."""
        if not isinstance(sys.exception(), OSError):
            BaseServer.handle_error(self, request, client_address)
