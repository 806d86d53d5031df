"""The service: answers with its version. v3 cannot start; where `stop` is held, it does not stop when asked to."""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path


def stop(*_: object) -> None:
    if not Path(os.environ["HOLD"], "stop").exists():
        os._exit(0)
    print("asked to stop", flush=True)


def answer(connection: socket.socket) -> None:
    connection.recv(65536)
    body = f"{version} {os.environ['FRAISIER_REVISION']}"
    connection.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


version = Path("VERSION").read_text(encoding="utf-8").strip()
if version == "v3":
    sys.exit("v3 cannot start")
signal.signal(signal.SIGTERM, stop)
# Two of them could share the port, so that one that is left over shows.
with socket.create_server(("127.0.0.1", int(os.environ["PORT"])), reuse_port=True) as server:
    print("serving", version, flush=True)
    while True:
        caller, _ = server.accept()
        with caller, suppress(OSError):
            answer(caller)
