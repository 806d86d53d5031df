"""Making applications and services."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from . import columns, found, stacks
from .answers import Answer, encoded, invalid, refusal
from .api_applications import set_domains
from .api_services import compose_sent
from .routing import Call, route
from .world import Application, Environment, Server, Service

PLACE = ("project_uuid", "server_uuid", "environment_name", "environment_uuid", "destination_uuid")
ALSO = frozenset(
    {*PLACE, "domains", "instant_deploy", "force_domain_override", "autogenerate_domain", "dockerfile", "tags"}
)


@route("POST", "/applications/public", "write")
def public(call: Call) -> Answer:
    return _create(call, "git_repository", "git_branch", "build_pack", "ports_exposes")


@route("POST", "/applications/private-deploy-key", "write")
def private_deploy_key(call: Call) -> Answer:
    return _create(call, "private_key_uuid", "git_repository", "git_branch", "build_pack", "ports_exposes")


@route("POST", "/applications/private-github-app", "write")
def private_github_app(call: Call) -> Answer:
    return _create(call, "github_app_uuid", "git_repository", "git_branch", "build_pack", "ports_exposes")


@route("POST", "/applications/dockerimage", "write")
def dockerimage(call: Call) -> Answer:
    return _create(call, "docker_registry_image_name", "ports_exposes", build_pack="dockerimage")


@route("POST", "/applications/dockerfile", "write")
def dockerfile(call: Call) -> Answer:
    return _create(call, "dockerfile", build_pack="dockerfile")


@route("POST", "/applications/dockercompose", "write", "compose_creates_service")
def dockercompose(call: Call) -> Answer:
    return service(call)


@route("POST", "/services", "write")
def service(call: Call) -> Answer:
    sent = call.body(declared=False)
    environment, server = _place(call, sent, "docker_compose_raw")
    world = call.world
    row = Service(
        id=world.id(),
        uuid=world.uuid(),
        name=str(sent.get("name") or f"service-{world.uuid()}"),
        team=call.token.team,
        environment=environment,
        server=server,
        compose="",
        description=sent.get("description"),
        created=world.clock.now,
        updated=world.clock.now,
    )
    stacks.set_compose(world, row, compose_sent(sent))
    world.services.append(row)
    if sent.get("instant_deploy"):
        stacks.start(world, row, row.parts, pull=False)
    return encoded({"uuid": row.uuid, "domains": []}, 201)


def _create(call: Call, *required: str, **fixed: Any) -> Answer:
    sent = call.body(declared=False)
    environment, server = _place(call, sent, *(name for name in required if not _optional(name, sent)))
    columns.check(call.world.version, sent, ALSO | {"private_key_uuid", "github_app_uuid"})
    world = call.world
    known = {key: value for key, value in sent.items() if key in columns.DEFAULTS}
    row = Application(
        id=world.id(),
        uuid=world.uuid(),
        team=call.token.team,
        environment=environment,
        server=server,
        columns=columns.DEFAULTS | {"name": f"application-{world.uuid()}"} | known | fixed,
        settings=columns.SETTINGS | {key: value for key, value in sent.items() if key in columns.SETTINGS},
        tags=set(sent.get("tags", [])),
        created=world.clock.now,
        updated=world.clock.now,
    )
    if "dockerfile" in sent:
        row.columns["dockerfile"] = _decoded(sent["dockerfile"])
    if row.kind == "dockerimage":
        row.columns["docker_registry_image_tag"] = row.columns["docker_registry_image_tag"] or "latest"
    if "domains" in sent:
        set_domains(call, row, sent)
    world.applications.append(row)
    if sent.get("instant_deploy"):
        call.queue.add(row)
    domains = (row.columns["fqdn"] or "").split(",") if row.columns["fqdn"] else []
    return encoded({"uuid": row.uuid, "domains": domains}, 201)


def _optional(name: str, sent: dict[str, Any]) -> bool:
    return name == "ports_exposes" and sent.get("build_pack") in ("static", "dockercompose")


def _place(call: Call, sent: dict[str, Any], *required: str) -> tuple[Environment, Server]:
    missing = [name for name in ("project_uuid", "server_uuid", *required) if not sent.get(name)]
    if missing:
        raise invalid({name: [f"The {name.replace('_', ' ')} field is required."] for name in missing})
    where = sent.get("environment_uuid") or sent.get("environment_name")
    if not where:
        raise refusal(422, "You need to provide at least one of environment_name or environment_uuid.")
    project = found.project(call, sent["project_uuid"])
    return found.environment(project, str(where)), found.server(call, sent["server_uuid"])


def _decoded(text: Any) -> str:
    try:
        return base64.b64decode(str(text), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid({"dockerfile": "The dockerfile should be base64 encoded."}) from None
