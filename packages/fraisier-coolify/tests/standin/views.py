"""The rows as JSON: which keys there are, and which only a token with `read:sensitive` sees."""

from __future__ import annotations

import json
from typing import Any

from . import stacks
from .world import (
    Application,
    Deployment,
    Environment,
    Part,
    Project,
    Server,
    Service,
    Team,
    Variable,
    World,
)

NESTED_SECRET = "sentinel-token-of-the-server"
"""What versions before 4.2 show of a server inside of its applications."""
WEBHOOK_SECRET = "webhook-secret-of-the-application"


def application(world: World, row: Application, *, secrets: bool) -> dict[str, Any]:
    """Return an application with its server, as a side effect of how it is read."""
    columns = {name: value for name, value in row.columns.items() if secrets or name != "dockerfile"}
    told = {
        "uuid": row.uuid,
        **columns,
        "status": told_status(row.status),
        "server_status": row.server.is_reachable and row.server.is_usable,
        "environment_id": row.environment.id,
        "destination_id": row.server.id,
        "destination_type": "App\\Models\\StandaloneDocker",
        "config_hash": "",
        "custom_healthcheck_found": False,
        "restart_count": 0,
        "last_online_at": world.clock.moment().strftime("%Y-%m-%d %H:%M:%S"),
        "destination": destination(world, row.server),
        "additional_servers": [],
        "created_at": world.clock.stamp(row.created),
        "updated_at": world.clock.stamp(row.updated),
        "deleted_at": None,
    }
    if world.version.has("application_settings"):
        told["settings"] = row.settings
    if world.version.has("nested_secrets"):
        told["manual_webhook_secret_github"] = WEBHOOK_SECRET
    return told


def told_status(stored: str) -> str:
    """Return `state:health`: what was stored without a health is called unhealthy."""
    return stored if ":" in stored else f"{stored}:unhealthy"


def destination(world: World, row: Server) -> dict[str, Any]:
    """Return where a server's containers run, with the server in it."""
    network = {"uuid": f"d{row.uuid[1:]}", "name": "coolify", "network": "coolify", "server_id": row.id}
    return {**network, "server": server(world, row, nested=True)}


def server(world: World, row: Server, *, nested: bool = False) -> dict[str, Any]:
    """Return a server with its settings."""
    settings: dict[str, Any] = {
        "concurrent_builds": row.concurrent_builds,
        "deployment_queue_limit": row.queue_limit,
        "dynamic_timeout": row.dynamic_timeout,
        "is_reachable": row.is_reachable,
        "is_usable": row.is_usable,
    }
    if nested and world.version.has("nested_secrets"):
        settings |= {"sentinel_token": NESTED_SECRET, "logdrain_axiom_api_key": NESTED_SECRET}
    return {
        "uuid": row.uuid,
        "name": row.name,
        "description": None,
        "ip": row.ip,
        "user": "root",
        "port": 22,
        "proxy_type": "traefik",
        "settings": settings,
    }


def deployment(world: World, row: Deployment, *, secrets: bool, embedded: bool) -> dict[str, Any]:
    """Return a row of the deployment queue; its log is text in which there is JSON."""
    stamp = world.clock.stamp
    place = row.application.environment
    project = next(each for each in world.projects if place in each.environments)
    url = f"/project/{project.uuid}/environment/{place.uuid}/application/{row.application.uuid}"
    told: dict[str, Any] = {
        "id": row.id,
        "application_id": str(row.application.id),
        "application_name": row.application.name,
        "build_server_id": None,
        "commit": row.commit,
        "commit_message": row.commit_message,
        "configuration_hash": None,
        "current_process_id": None if row.worker is None else str(row.worker),
        "deployment_url": f"{url}/deployment/{row.uuid}",
        "deployment_uuid": row.uuid,
        "destination_id": str(row.server.id),
        "docker_registry_image_tag": None,
        "finished_at": None if row.finished is None else stamp(row.finished),
        "force_rebuild": row.force_rebuild,
        "git_type": None,
        "horizon_job_id": None if row.worker is None else f"job-{row.worker}",
        "is_api": row.is_api,
        "is_webhook": False,
        "only_this_server": False,
        "pull_request_id": row.pull_request_id,
        "restart_only": row.restart_only,
        "rollback": row.rollback,
        "server_id": row.server.id,
        "server_name": row.server.name,
        "status": row.status,
        "created_at": stamp(row.created),
        "updated_at": stamp(row.updated),
    }
    if secrets:
        told["logs"] = None if row.log is None else json.dumps(row.log)
    if embedded:
        whole = application(world, row.application, secrets=secrets)
        told["application"] = whole | {"environment": {**environment(place), "project": project_row(project)}}
    return told


def variable(world: World, row: Variable, *, secrets: bool, of_service: bool) -> dict[str, Any]:
    """Return a variable; `real_value` is what a shell would need, and no good for comparing."""
    told: dict[str, Any] = {
        "id": int(row.uuid[:6], 36),
        "uuid": row.uuid,
        "key": row.key,
        "is_literal": row.is_literal,
        "is_multiline": row.is_multiline,
        "is_shown_once": row.is_shown_once,
        "is_shared": False,
        "comment": row.comment,
        "version": str(world.version),
        "created_at": world.clock.stamp(row.created),
        "updated_at": world.clock.stamp(row.updated),
    }
    if not of_service:
        told["is_preview"] = row.is_preview
        told["is_runtime"] = row.is_runtime
        told["is_buildtime"] = row.is_buildtime
    if secrets and not row.is_shown_once:
        told["value"] = row.value
        told["real_value"] = None if row.value is None else "'" + row.value.replace("'", "'\\''") + "'"
    return told


def service(world: World, row: Service, *, secrets: bool) -> dict[str, Any]:
    """Return a service with its containers."""
    told: dict[str, Any] = {
        "uuid": row.uuid,
        "name": row.name,
        "description": row.description,
        "environment_id": row.environment.id,
        "server_id": row.server.id,
        "service_type": None,
        "status": "starting:unhealthy" if row.starting else row.status,
        "applications": [part(world, row, each) for each in row.parts],
        "databases": [],
        "server": server(world, row.server, nested=True),
        "created_at": world.clock.stamp(row.created),
        "updated_at": world.clock.stamp(row.updated),
        "deleted_at": None,
    }
    if secrets:
        told |= {"docker_compose_raw": row.compose, "docker_compose": row.compose}
    return told


def part(world: World, owner: Service, row: Part) -> dict[str, Any]:
    """Return one container of a service."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "human_name": None,
        "description": None,
        "fqdn": row.fqdn,
        "image": stacks.images_in(owner.compose).get(row.name),
        "status": owner.status,
        "exclude_from_status": False,
        "created_at": world.clock.stamp(owner.created),
        "updated_at": world.clock.stamp(owner.updated),
    }


def project_row(row: Project) -> dict[str, Any]:
    """Return a project by itself."""
    return {"id": row.id, "uuid": row.uuid, "name": row.name, "description": None}


def environment(row: Environment) -> dict[str, Any]:
    """Return an environment by itself."""
    return {"id": row.id, "uuid": row.uuid, "name": row.name, "description": None}


def team(world: World, row: Team) -> dict[str, Any]:
    """Return a team."""
    return {
        "id": row.id,
        "name": row.name,
        "description": None,
        "personal_team": row.id == 0,
        "created_at": world.clock.stamp(0),
        "updated_at": world.clock.stamp(0),
    }
