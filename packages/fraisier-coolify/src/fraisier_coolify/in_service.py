"""What Coolify tells to be in service, going by its deployments, and the state that its status means."""

from __future__ import annotations

from typing import Any

from fraisier import Status

from fraisier_coolify import deployment_queue, lookup, stack
from fraisier_coolify.condition import Condition, State
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.resources import Application, Row, Service
from fraisier_coolify.version_by import way_of


def status_of(coolify: Coolify) -> Status:
    """Return the status of the application or service."""
    found = lookup.find(coolify)
    if found is None and coolify.options.create is not None:
        return Status(state="stopped", details={"application": "not created yet"})
    if found is None:
        raise lookup.missing(coolify)
    if isinstance(found, Service):
        return stack.status_of(coolify, found)
    return _of_application(coolify, found)


def newest_end(rows: list[Row]) -> Row | None:
    """Return the newest deployment that has ended, after which Coolify's status may be an old one for a while."""
    return next((row for row in rows if row.has_ended), None)


def _of_application(coolify: Coolify, application: Application) -> Status:
    rows = deployment_queue.recent(coolify, application)
    way = way_of(coolify, application)
    release = way.release_in_service(rows)
    since = next((row.began for row in rows if row.status == "finished"), None)
    details: dict[str, Any] = {"coolify": application.status or "", "application": application.uuid}
    if application.addresses:
        details["addresses"] = application.addresses
    if application.server:
        details["server"] = application.server
    if rows:
        details["deployment"] = f"{rows[0].status} {coolify.link(rows[0].deployment_url)}"
    return Status(
        state=_state(coolify, application, rows),
        release=release,
        since=since,
        details=details,
        earlier=way.earlier(rows),
    )


def _state(coolify: Coolify, application: Application, rows: list[Row]) -> State:
    if any(row.is_active for row in rows):
        return "deploying"
    state = Condition.of(application.status).as_state
    ended = newest_end(rows)
    if (
        state in ("stopped", "failed")
        and ended
        and ended.status == "finished"
        and coolify.is_settling(ended.ended)
    ):
        return "deploying"
    return state
