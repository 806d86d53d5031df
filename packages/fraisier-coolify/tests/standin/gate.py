"""What stands before every controller, in this order: token, rate limit, role, API switch, address, ability."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from math import ceil

from .answers import Refusal, page, refusal
from .request import Request
from .world import Token, World

WINDOW = 60.0
NEED_A_ROLE = ("write", "deploy", "read:sensitive", "root")


class Gate:
    """Lets requests through, and counts them for each user."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._windows: dict[str, tuple[float, int]] = {}

    def enter(self, request: Request, ability: str) -> tuple[Token, dict[str, str]]:
        """Return the token of a request that may pass, and the headers that tell what is left of its rate."""
        token = next((each for each in self._world.tokens if each.text == request.token), None)
        if token is None or token.expired:
            raise refusal(401, "Unauthenticated.")
        headers = self._count(token, request)
        self._look_at_role(token, ability)
        world = self._world
        if not world.is_api_enabled:
            raise refusal(403, "API is disabled.", success=True)
        if not _allowed(world.allowed_ips, request.caller):
            raise refusal(403, "You are not allowed to access the API.", success=True)
        if not token.can(ability):
            raise refusal(403, f"Missing required permissions: {ability}")
        return token, headers

    def _count(self, token: Token, request: Request) -> dict[str, str]:
        now, limit = self._world.clock.now, self._world.rate_limit
        began, used = self._windows.get(token.user, (now, 0))
        if now - began >= WINDOW:
            began, used = now, 0
        self._windows[token.user] = (began, used + 1)
        headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(max(0, limit - used - 1))}
        if used < limit:
            return headers
        wait = ceil(began + WINDOW - now)
        reset = int(self._world.clock.moment().timestamp()) + wait
        headers |= {"Retry-After": str(wait), "X-RateLimit-Reset": str(reset)}
        if request.wants_json:
            raise refusal(429, "Too Many Attempts.", headers)
        raise Refusal(replace(page(429), headers=headers))

    def _look_at_role(self, token: Token, ability: str) -> None:
        if not self._world.version.has("roles"):
            return
        if token.role == "left":
            raise refusal(401, "Invalid token.")
        if token.role == "member" and (ability in NEED_A_ROLE or "root" in token.abilities):
            raise refusal(403, "Missing required team role.")


def _allowed(addresses: str, caller: str) -> bool:
    networks = [each.strip() for each in addresses.split(",") if each.strip()]
    if "0.0.0.0" in networks or not networks:
        return True
    return any(ipaddress.ip_address(caller) in ipaddress.ip_network(each, strict=False) for each in networks)
