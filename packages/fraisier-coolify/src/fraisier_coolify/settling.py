"""Waiting until Coolify's own status of what was deployed has become true, which takes it up to a minute."""

from __future__ import annotations

import time

from fraisier import Progress, TargetError

from fraisier_coolify import lookup
from fraisier_coolify.condition import Condition, Verdict
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.resources import Application, Resource


def settle(coolify: Coolify, resource: Resource, progress: Progress) -> Resource:
    """Return the application or service when Coolify tells that it works.

    Raises:
        TargetError: it still does not when `settle_timeout` has passed.
    """
    until = time.monotonic() + coolify.options.settle_timeout
    said = ""
    while True:
        if verdict_of(resource, settling=True) == "up":
            return resource
        if time.monotonic() >= until:
            message = f"Coolify ended the deployment and tells {resource.status or 'no status'}"
            where = coolify.target
            raise TargetError(message, hint=f"see: fraisier logs {where.fraise} {where.environment}")
        if resource.status != said:
            said = resource.status or ""
            progress.line(f"Coolify tells {said or 'no status'}, which may be from before")
        coolify.pause()
        resource = lookup.by_uuid(coolify, resource.uuid)


def verdict_of(resource: Resource, *, settling: bool) -> Verdict:
    """Tell whether what Coolify tells means that it works: `up`, `wait` or `down`."""
    checked = isinstance(resource, Application) and resource.has_health_check
    return Condition.of(resource.status).verdict(checked=checked, settling=settling)
