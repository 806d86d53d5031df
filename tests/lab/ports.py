"""Ports of 127.0.0.1 that stay free while what listens there is started again."""

from __future__ import annotations

import random
import socket

# Below the ports that the kernel hands out.
PORTS = range(20000, 32768)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
