"""The table of routes, and what a controller is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .answers import Answer, bad_request, refusal
from .deployments import Queue
from .request import Request
from .world import Token, World


@dataclass
class Call:
    """One request that has passed the gate, with all that a controller needs."""

    world: World
    queue: Queue
    request: Request
    token: Token
    parameters: dict[str, str]

    @property
    def sees_secrets(self) -> bool:
        """Tell whether keys with secrets are in the answer at all."""
        return self.token.can("read:sensitive")

    def sent(self) -> dict[str, Any]:
        """Return the query and the JSON body together, as most actions read them."""
        body = self.request.json() if self.request.is_json else None
        return {**self.request.query, **(body if isinstance(body, dict) else {})}

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes or no that was sent as any of the words for it."""
        value = self.sent().get(name, default)
        return str(value).lower() in ("1", "true", "on", "yes")

    def body(self, *, declared: bool = True) -> dict[str, Any]:
        """Return a JSON body that must not be empty, declared as JSON where Coolify insists on it."""
        if declared and not self.request.is_json:
            raise bad_request("Content-Type must be application/json.")
        body = self.request.json()
        if body is None and self.request.body:
            raise bad_request("Invalid JSON.")
        if not body or not isinstance(body, dict):
            raise bad_request("Empty JSON.")
        return body


Controller = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method, a path below `/api/v1` with its `{parameters}`, and who may use it."""

    method: str
    path: str
    ability: str
    controller: Controller
    feature: str
    """The line of the table of versions that it came with; "" for all."""
    pattern: re.Pattern[str] = field(repr=False)

    @property
    def name(self) -> str:
        """The words by which tests call it: `POST /applications/{uuid}/start`."""
        return f"{self.method} {self.path}"


ROUTES: list[Route] = []


def route(method: str, path: str, ability: str, feature: str = "") -> Callable[[Controller], Controller]:
    """Put a controller into the table."""

    def register(controller: Controller) -> Controller:
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        ROUTES.append(Route(method, path, ability, controller, feature, pattern))
        return controller

    return register


class Found(NamedTuple):
    """The route of a request, and what stands for its parameters."""

    route: Route
    parameters: dict[str, str]


def find(world: World, method: str, path: str) -> Found | None:
    """Return the route of a request on this version; fixed words come before parameters."""
    for each in sorted(ROUTES, key=lambda known: known.path.count("{")):
        match = each.pattern.fullmatch(path)
        if match and each.method == method and (not each.feature or world.version.has(each.feature)):
            return Found(each, match.groupdict())
    return None


def named(name: str) -> str:
    """Return the name of a route, or refuse one that there is not, for which a test would wait in vain."""
    if name not in {"*", "GET /health", *(each.name for each in ROUTES)}:
        raise LookupError(f"there is no route {name!r}")
    return name


def post_only(call: Call) -> None:
    """Refuse GET where it has become POST."""
    if call.request.method == "GET" and not call.world.version.has("get_actions"):
        raise refusal(405, "This endpoint has changed to a POST request.", {"Allow": "POST"})
