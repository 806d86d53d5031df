"""One probe: what `health_check` says first, then what Coolify tells, which is never live."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from fraisier import Health, Here, Target, probe

from fraisier_coolify import deployment_queue, lookup
from fraisier_coolify.condition import Verdict
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.environment import Variables
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.in_service import newest_end
from fraisier_coolify.resources import Application, Resource, moment
from fraisier_coolify.settling import verdict_of
from fraisier_coolify.version_by import variable

_SECONDS: Final = 10.0
"""How long Coolify may take to tell, where no health check has a time of its own."""
_SENTENCES: Final = {
    "up": "Coolify tells {status}",
    "wait": "Coolify tells {status}, which may be from before",
    "down": "Coolify tells {status}",
}


def health_of(target: Target, coolify: Coolify) -> Health:
    """Probe once, from this machine. Coolify is asked only about what answers, or where nothing else can be."""
    check = target.health_check
    found = probe(check, Here()) if check is not None else None
    if found is not None and not found.healthy:
        return found
    try:
        with coolify.client.hurried(check.probe_timeout if check else _SECONDS):
            verdict, detail = _told(coolify)
    except CoolifyError as error:
        if found is None or not error.passing:
            raise
        return msgspec.structs.replace(found, detail=f"{found.detail}; Coolify cannot be asked: {error.message}")
    if found is None:
        return Health(healthy=verdict == "up", detail=detail)
    # Until Coolify knows better, what answers counts.
    return Health(
        healthy=verdict != "down",
        detail=found.detail if verdict == "up" else f"{found.detail}; {detail}",
        latency_seconds=found.latency_seconds,
    )


def _told(coolify: Coolify) -> tuple[Verdict, str]:
    """Return what Coolify's status comes to, and a sentence about it."""
    resource = lookup.require(coolify)
    verdict = verdict_of(resource, settling=True)
    if verdict == "wait":
        verdict = verdict_of(resource, settling=coolify.is_settling(_ended(coolify, resource)))
    return verdict, _SENTENCES[verdict].format(status=resource.status or "no status")


def _ended(coolify: Coolify, resource: Resource) -> datetime | None:
    """Return when what is in service was put there."""
    if isinstance(resource, Application):
        row = newest_end(deployment_queue.recent(coolify, resource))
        return row.ended if row else None
    noted = variable.entries(Variables(coolify, resource))
    return moment(noted[0].mark) if noted else None
