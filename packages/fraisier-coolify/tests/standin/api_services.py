"""Services: stacks of containers, whose starts have no record and tell nobody how they went."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from . import found, stacks, views
from .answers import Answer, encoded, invalid, refusal
from .api_applications import last_lines
from .routing import Call, post_only, route
from .world import Container, Part, Service

WRITABLE = ("name", "description", "docker_compose_raw", "instant_deploy", "connect_to_docker_network", "urls")
WRITABLE_IN_PARTS = ("url", "image", "human_name", "description", "exclude_from_status")


@route("GET", "/services", "read")
def services(call: Call) -> Answer:
    own = [each for each in call.world.services if each.team is call.token.team]
    return encoded([views.service(call.world, each, secrets=call.sees_secrets) for each in own])


@route("GET", "/services/{uuid}", "read")
def service(call: Call) -> Answer:
    return encoded(views.service(call.world, found.service(call), secrets=call.sees_secrets))


@route("PATCH", "/services/{uuid}", "write")
def change(call: Call) -> Answer:
    sent = call.body()
    row = found.service(call)
    errors: dict[str, Any] = {key: ["This field is not allowed."] for key in sent if key not in WRITABLE}
    if errors:
        raise invalid(errors)
    if "docker_compose_raw" in sent:
        stacks.set_compose(call.world, row, compose_sent(sent))
    row.name = str(sent.get("name", row.name))
    row.description = sent.get("description", row.description)
    row.updated = call.world.clock.now
    if sent.get("instant_deploy"):
        stacks.start(call.world, row, row.parts, pull=False)
    return encoded({"uuid": row.uuid, "domains": []})


def compose_sent(sent: dict[str, Any]) -> str:
    """Return compose text, which is sent in base64."""
    try:
        return base64.b64decode(str(sent["docker_compose_raw"]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid({"docker_compose_raw": "The docker_compose_raw should be base64 encoded."}) from None


@route("GET", "/services/{uuid}/start", "deploy")
@route("POST", "/services/{uuid}/start", "deploy")
def start(call: Call) -> Answer:
    post_only(call)
    row = found.service(call)
    if row.status.startswith("running"):
        raise refusal(400, "Service is already running.")
    stacks.start(call.world, row, row.parts, pull=False)
    return encoded({"message": "Service starting request queued."})


@route("GET", "/services/{uuid}/restart", "deploy")
@route("POST", "/services/{uuid}/restart", "deploy")
def restart(call: Call) -> Answer:
    post_only(call)
    row = found.service(call)
    stacks.start(call.world, row, row.parts, pull=call.flag("latest"))
    return encoded({"message": "Service restarting request queued."})


@route("GET", "/services/{uuid}/stop", "deploy")
@route("POST", "/services/{uuid}/stop", "deploy")
def stop(call: Call) -> Answer:
    post_only(call)
    row = found.service(call)
    if row.status.startswith("exited"):
        raise refusal(400, "Service is already stopped.")
    stacks.stop(call.world, row, row.parts)
    return encoded({"message": "Service stopping request queued."})


@route("GET", "/services/{uuid}/logs", "read", "service_logs")
def logs(call: Call) -> Answer:
    row = found.service(call)
    name = call.request.query.get("sub_service_name")
    if not name:
        raise refusal(400, "The sub_service_name query parameter is required.")
    part = next((each for each in row.parts if each.name == name), None)
    if part is None:
        raise refusal(404, "Service container not found.")
    return encoded({"logs": last_lines(call, _running(part))})


@route("GET", "/services/{uuid}/applications", "read", "service_applications")
def parts(call: Call) -> Answer:
    row = found.service(call)
    return encoded([views.part(call.world, row, each) for each in row.parts])


@route("GET", "/services/{uuid}/applications/{app_uuid}", "read", "service_applications")
def part(call: Call) -> Answer:
    row = found.service(call)
    return encoded(views.part(call.world, row, _part(call, row)))


@route("PATCH", "/services/{uuid}/applications/{app_uuid}", "write", "service_applications")
def change_part(call: Call) -> Answer:
    sent = call.body()
    row = found.service(call)
    one = _part(call, row)
    errors: dict[str, Any] = {key: ["This field is not allowed."] for key in sent if key not in WRITABLE_IN_PARTS}
    if errors:
        raise invalid(errors)
    if "image" in sent:
        # Whatever it says: nothing looks at its syntax.
        stacks.set_image(row, one, str(sent["image"]))
    one.fqdn = sent.get("url", one.fqdn)
    return encoded(views.part(call.world, row, one))


@route("POST", "/services/{uuid}/applications/{app_uuid}/start", "deploy", "service_applications")
def start_part(call: Call) -> Answer:
    row = found.service(call)
    stacks.start(call.world, row, [_part(call, row)], pull=call.flag("latest"))
    return encoded({"message": "Service application deploy request queued."})


@route("POST", "/services/{uuid}/applications/{app_uuid}/restart", "deploy", "service_applications")
def restart_part(call: Call) -> Answer:
    row = found.service(call)
    stacks.start(call.world, row, [_part(call, row)], pull=False)
    return encoded({"message": "Service application restart request queued."})


@route("POST", "/services/{uuid}/applications/{app_uuid}/stop", "deploy", "service_applications")
def stop_part(call: Call) -> Answer:
    row = found.service(call)
    stacks.stop(call.world, row, [_part(call, row)])
    return encoded({"message": "Service application stop request queued."})


@route("GET", "/services/{uuid}/applications/{app_uuid}/logs", "read", "service_applications")
def logs_of_part(call: Call) -> Answer:
    return encoded({"logs": last_lines(call, _running(_part(call, found.service(call))))})


def _part(call: Call, row: Service) -> Part:
    for each in row.parts:
        if each.uuid == call.parameters["app_uuid"]:
            return each
    raise refusal(404, "Service application not found.")


def _running(part: Part) -> Container:
    if part.container is None or part.container.state != "running":
        raise refusal(400, "Service application is not running.")
    return part.container
