"""Applications: found, read, changed, their containers' log, and the images to go back to."""

from __future__ import annotations

from typing import Any

from . import columns, found, views
from .answers import Answer, encoded, refusal
from .routing import Call, route
from .world import Application, Container

ALSO_WRITABLE = frozenset({"domains", "instant_deploy", "force_domain_override"})
MOST_LINES = 10_000


@route("GET", "/applications", "read")
def applications(call: Call) -> Answer:
    tag = call.request.query.get("tag")
    own = [each for each in call.world.applications if each.team is call.token.team]
    wanted = sorted((each for each in own if tag is None or tag in each.tags), key=lambda each: each.name)
    return encoded([views.application(call.world, each, secrets=call.sees_secrets) for each in wanted])


@route("GET", "/applications/{uuid}", "read")
def application(call: Call) -> Answer:
    return encoded(views.application(call.world, found.application(call), secrets=call.sees_secrets))


@route("PATCH", "/applications/{uuid}", "write")
def change(call: Call) -> Answer:
    sent = call.body()
    row = found.application(call, message="Application not found")
    columns.check(call.world.version, sent, ALSO_WRITABLE)
    if "domains" in sent:
        set_domains(call, row, sent)
    row.columns |= {key: value for key, value in sent.items() if key in columns.DEFAULTS}
    row.settings |= {key: value for key, value in sent.items() if key in columns.SETTINGS}
    row.updated = call.world.clock.now
    if sent.get("instant_deploy"):
        # Its outcome is told nobody, a full queue neither.
        call.queue.add(row)
    return encoded({"uuid": row.uuid})


def set_domains(call: Call, row: Application, sent: dict[str, Any]) -> None:
    """Give an application its domains, unless they are another's."""
    wanted = [each.strip() for each in str(sent["domains"] or "").split(",") if each.strip()]
    conflicts = [
        {
            "domain": domain,
            "resource_name": other.name,
            "resource_uuid": other.uuid,
            "resource_type": "application",
            "message": f"Domain {domain} is already in use by application '{other.name}'",
        }
        for other in call.world.applications
        for domain in wanted
        if other is not row and domain in (other.columns["fqdn"] or "").split(",")
    ]
    if conflicts and not sent.get("force_domain_override"):
        message = "Domain conflicts detected. Use force_domain_override=true to proceed."
        warning = "Using the same domain for multiple resources can cause routing conflicts."
        raise refusal(409, message, conflicts=conflicts, warning=warning)
    row.columns["fqdn"] = ",".join(wanted) or None


@route("DELETE", "/applications/{uuid}", "write")
def delete(call: Call) -> Answer:
    call.world.applications.remove(found.application(call))
    return encoded({"message": "Application deletion request queued."})


@route("GET", "/applications/{uuid}/logs", "read")
def logs(call: Call) -> Answer:
    row = found.application(call)
    if not row.server.is_reachable:
        raise refusal(500, "Server Error")
    if row.container is None or row.container.state != "running":
        raise refusal(400, "Application is not running.")
    return encoded({"logs": last_lines(call, row.container)})


def last_lines(call: Call, container: Container) -> str:
    """Return the last lines of a container, as many as the query wants."""
    wanted = call.request.query.get("lines", "")
    lines = min(int(wanted), MOST_LINES) if wanted.isascii() and wanted.isdigit() and int(wanted) else 100
    stamped = call.flag("show_timestamps") and call.world.version.has("log_timestamps")
    log = list(container.log)[-lines:]
    moments = [
        call.world.clock.moment(at).strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if stamped else "" for at, _ in log
    ]
    return "".join(f"{moment}{line}\n" for moment, (_, line) in zip(moments, log, strict=True))


@route("GET", "/applications/{uuid}/destinations", "read", "application_destinations")
def destinations(call: Call) -> Answer:
    row = found.application(call)
    where = views.destination(call.world, row.server)
    told = {name: where[name] for name in ("uuid", "name", "network", "server_id")}
    return encoded([told | {"server_uuid": row.server.uuid, "is_primary": True}])


@route("GET", "/applications/{uuid}/rollback-images", "read", "rollback")
def rollback_images(call: Call) -> Answer:
    row = found.application(call)
    fixed = row.settings["is_consistent_container_name_enabled"]
    current = row.container.version if row.container and fixed else None
    kept = row.images if row.server.is_reachable else {}
    images = [
        {
            "tag": tag,
            "created_at": call.world.clock.moment(at).strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
            "is_current": tag == current,
        }
        for tag, at in kept.items()
    ]
    return encoded({"current": current, "images": images})
