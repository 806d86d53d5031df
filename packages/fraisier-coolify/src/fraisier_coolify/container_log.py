"""The log of what runs: its last lines, and new ones as they come, each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fraisier import Unsupported

from fraisier_coolify import deployment_queue, lookup
from fraisier_coolify.api import segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.following import last_lines
from fraisier_coolify.resources import Application, Resource, Service, moment
from fraisier_coolify.versions import since as version_since

MOST: Final = 10_000
"""Lines that Coolify gives at once."""
_WINDOW: Final = 1_000
"""Lines that are asked for again and again while following."""


def read(coolify: Coolify, lines: int, follow: bool, since: datetime | None) -> Iterator[str]:
    """Give the last lines, and with `follow` every line after them until the caller stops asking."""
    found = lookup.require(coolify)
    log = _Log(coolify, found, since)
    window = max(_WINDOW, lines) if follow else lines
    if window <= 0:
        return
    seen = log.last(window)
    yield from seen[-lines:] if lines else []
    while follow:
        coolify.pause()
        now = log.last(window)
        yield from _new(seen, now)
        seen = now or seen


class _Log:
    """The log of an application, or of all parts of a service."""

    def __init__(self, coolify: Coolify, resource: Resource, since: datetime | None) -> None:
        self._coolify = coolify
        self._resource = resource
        self._since = since
        if since is not None and (isinstance(resource, Service) or not coolify.version.can("log_times")):
            needed = version_since("log_times")
            raise Unsupported(
                f"Coolify {coolify.version} tells no times with the log of this; leave --since out"
                f" (applications have them from {needed} on)"
            )
        if isinstance(resource, Service) and not coolify.version.can("service_logs"):
            needed = version_since("service_logs")
            raise Unsupported(f"Coolify {coolify.version} gives no logs of services; {needed} does")

    def last(self, lines: int) -> list[str]:
        """Return the last lines; where nothing runs, those of the newest deployment."""
        lines = min(lines, MOST)
        try:
            if isinstance(self._resource, Service):
                return self._of_parts(self._resource, lines)
            return self._of_application(self._resource, lines)
        except CoolifyError as error:
            if error.status != 400:
                raise
            return self._of_deployment()[-lines:]

    def _of_application(self, application: Application, lines: int) -> list[str]:
        path = f"/applications/{segment(application.uuid)}/logs"
        if self._since is None:
            return _lines(self._coolify.client.get(path, lines=lines))
        told = _lines(self._coolify.client.get(path, lines=MOST, show_timestamps="true"))
        return [line for each in told for line in self._recent(each)][-lines:]

    def _recent(self, line: str) -> Iterator[str]:
        """Give a line without its time, if that is not too early."""
        time, _, text = line.partition(" ")
        when = moment(time)
        if when is None or self._since is None or when >= self._since.replace(microsecond=0):
            yield text if when is not None else line

    def _of_parts(self, service: Service, lines: int) -> list[str]:
        """Return the lines of each part, with its name before them where there are several."""
        found: list[str] = []
        path = f"/services/{segment(service.uuid)}/logs"
        for part in service.applications:
            told = _lines(self._coolify.client.get(path, sub_service_name=part.name, lines=lines))
            found += [f"{part.name}: {line}" if len(service.applications) > 1 else line for line in told]
        return found[-lines:]

    def _of_deployment(self) -> list[str]:
        """Return the end of the newest deployment: nothing else tells why no container runs."""
        if not isinstance(self._resource, Application):
            return []
        rows = deployment_queue.recent(self._coolify, self._resource)
        if not rows:
            return []
        row = deployment_queue.look(self._coolify, self._resource, rows[0].deployment_uuid)
        return list(last_lines(self._coolify, row))


def _lines(told: object) -> list[str]:
    text = told.get("logs") if isinstance(told, dict) else told
    return str(text or "").splitlines()


def _new(seen: Sequence[str], now: Sequence[str]) -> Sequence[str]:
    """Return what came after the lines that were seen: both are windows on the same log."""
    for start in range(len(seen)):
        known = seen[start:]
        if list(now[: len(known)]) == list(known):
            return now[len(known) :]
    return now
