"""What goes wrong on purpose: once, several times, or until told otherwise; on one route, or on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answers import Answer, encoded, page
from .request import Request
from .routing import named

_BODIES: dict[int, dict[str, Any]] = {
    401: {"message": "Unauthenticated."},
    403: {"message": "You are not authorized to perform this action.", "error": "Unauthorized"},
    404: {"message": "Not found.", "docs": "https://coolify.io/docs"},
    409: {"message": "Domain conflicts detected.", "conflicts": [], "warning": "Routing conflicts."},
    422: {"message": "Validation failed.", "errors": {"name": ["The name field is invalid."]}},
    429: {"message": "Too Many Attempts."},
    500: {"message": "Server Error"},
}


@dataclass
class Fault:
    """One fault. What of it is not said does not happen; `slow` goes with all of the others.

    Without `done`, a status, `refused` or `redirect` comes instead of what was asked for.
    """

    route: str
    """Such as `POST /deploy`, or `*` for all."""
    when: Callable[[Request], bool] | None = None
    """Only to requests of that kind, such as those with a body."""
    times: int | None = 1
    """How often; None: until `end`."""
    status: int | None = None
    """Answer this: from 502 on the page of a proxy, below that Coolify's own JSON."""
    message: str | None = None
    """Instead of the usual message of that status."""
    html: bool = False
    """Answer a page whatever the status."""
    retry_after: int | None = None
    done: bool = False
    """It happens all the same: only the answer is wrong."""
    slow: float = 0.0
    """Seconds before anything is done."""
    cut: bool = False
    """Close the connection in the middle of the body."""
    lost: bool = False
    """Close the connection without an answer, when it was done."""
    refused: bool = False
    """Close the connection without an answer, and do nothing."""
    restart: bool = False
    """Coolify restarts, which fails all open rows; the proxy answers 502."""
    redirect: str | None = None
    """Send the client to the same path of another address, with 307."""
    hits: int = 0
    """How often it has happened."""

    def end(self) -> None:
        """Let it happen no more."""
        self.times = self.hits

    def instead(self, target: str) -> Answer | None:
        """Return the answer that comes instead of the real one; None where the real one is given."""
        if self.redirect is not None:
            return Answer(307, b"", "text/html; charset=UTF-8", {"Location": self.redirect + target})
        status = 502 if self.restart else self.status
        if status is None:
            return None
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.html or status > 501:
            made = page(status)
        else:
            body = {**_BODIES.get(status, {"message": "Server Error"})}
            made = encoded(body | ({} if self.message is None else {"message": self.message}), status)
        made.headers.update(headers)
        return made


class Faults:
    """The faults in force, the first that fits taking each request."""

    def __init__(self) -> None:
        self._known: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Have a fault happen from now on."""
        named(fault.route)
        self._known.append(fault)
        return fault

    def take(self, request: Request) -> Fault | None:
        """Return the fault that happens to a request now, and count it."""
        for each in self._known:
            meant = each.route in ("*", request.route) and (each.when is None or each.when(request))
            if meant and (each.times is None or each.hits < each.times):
                each.hits += 1
                return each
        return None
