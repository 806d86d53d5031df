"""The applications as their users see them: each on a loopback port, behind the proxy of its server."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .answers import Answer
from .listener import Handler, Listener
from .world import Container, World


def site(world: World, lock: threading.RLock, name: str, container: Callable[[], Container | None]) -> Listener:
    """Serve what runs: its name and all that may be called its version; 500 if unhealthy, 503 if there is none."""

    class SiteHandler(Handler):
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            with lock:
                world.clock.catch_up()
                running = container()
            self.send(_answer(name, running))

    return Listener(SiteHandler)


def _answer(name: str, container: Container | None) -> Answer:
    plain = "text/plain; charset=utf-8"
    if container is None or container.state != "running":
        return Answer(503, b"no available server\n", plain)
    body = "".join(f"{line}\n" for line in (f"{name} {container.version}", *container.words))
    return Answer(200 if container.healthy else 500, body.encode(), plain)
