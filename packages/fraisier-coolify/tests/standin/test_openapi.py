"""What Coolify's own description of its API says right, the stand-in does too."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .conftest import Client
from .coolify import Coolify
from .routing import ROUTES

jsonschema = pytest.importorskip("jsonschema")

VARIABLE = "COOLIFY_OPENAPI"
USUAL_PLACE = Path("shared/reference/coolify-openapi.json")

# Where the description is wrong, by the facts sheet, or where a route is not part of the newest version.
NOT_DESCRIBED = {
    "GET /deploy",
    "GET /applications/{uuid}/start",
    "GET /applications/{uuid}/restart",
    "GET /applications/{uuid}/stop",
    "GET /services/{uuid}/start",
    "GET /services/{uuid}/restart",
    "GET /services/{uuid}/stop",
    "GET /teams/current",
    "POST /applications/dockercompose",
}
# Keys that can be null, or numbers that are text, whatever the description says.
NULLABLE = {
    *("commit_message", "current_process_id", "git_type", "logs"),
    *("build_command", "fqdn", "install_command", "publish_directory", "start_command"),
    *("deleted_at", "description", "real_value", "service_type", "value"),
}


def described_at() -> Path | None:
    """Return where the description is: where a variable says, or beside the repository."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    git = subprocess.run(
        ["git", "rev-parse", "--show-toplevel", "--path-format=absolute", "--git-common-dir"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = git.stdout.split("\n") if git.returncode == 0 else []
    roots = [Path(lines[0]), Path(lines[1]).parent] if len(lines) > 1 else []
    return next((root.parent / USUAL_PLACE for root in roots if (root.parent / USUAL_PLACE).exists()), None)


@cache
def description() -> dict[str, Any]:
    path = described_at()
    if path is None:
        pytest.skip(f"no coolify-openapi.json: set {VARIABLE} to its path")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def operation(name: str) -> dict[str, Any] | None:
    """Return what is described of a route, whatever its parameters are called."""
    method, _, path = name.partition(" ")
    for known, methods in description()["paths"].items():
        if re.sub(r"\{\w+\}", "{}", known) == re.sub(r"\{\w+\}", "{}", path):
            found: dict[str, Any] | None = methods.get(method.lower())
            return found
    return None


def resolved(schema: Any, key: str = "") -> Any:
    """Return a schema without references, with what can be null said so, in the words of JSON Schema."""
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(description()["components"]["schemas"][name])
    made = {
        name: {each: resolved(value, each) for each, value in inner.items()}
        if name == "properties"
        else resolved(inner)
        for name, inner in schema.items()
        if name not in ("nullable", "example")
    }
    if (schema.get("nullable") or key in NULLABLE) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    if key == "build_pack":
        made["enum"] = [*made["enum"], "dockerimage"]
    if key == "logs":
        made["type"] = ["string", "null"]
    return made


def agrees(name: str, status: int, body: Any) -> None:
    """Hold an answer to what is described of it."""
    found = operation(name)
    assert found is not None, f"{name} is not described"
    schema = found["responses"][str(status)]["content"]["application/json"]["schema"]
    jsonschema.validate(body, resolved(schema))


def test_every_route_of_the_newest_version_is_described() -> None:
    names = {each.name for each in ROUTES} - NOT_DESCRIBED
    assert {name for name in names if operation(name) is None} == set()


@pytest.mark.parametrize(
    "path",
    [
        "/applications",
        "/applications/{application}",
        "/applications/{application}/envs",
        "/applications/{application}/logs",
        "/applications/{application}/rollback-images",
        "/deployments/{deployment}",
        "/services",
        "/services/{service}",
        "/services/{service}/envs",
        "/services/{service}/applications",
        "/services/{service}/logs?sub_service_name=web",
        "/servers",
        "/servers/{server}",
        "/projects",
        "/projects/{project}",
        "/projects/{project}/production",
        "/projects/{project}/environments",
        "/teams",
        "/team",
    ],
)
def test_what_is_read_has_the_described_shape(coolify: Coolify, api: Client, path: str) -> None:
    application, service = coolify.add_application(), coolify.add_service()
    row = coolify.put_in_service(application)
    for each in (application, service):
        kind = "services" if each is service else "applications"
        api.post(f"/{kind}/{each.uuid}/envs", {"key": "TAG", "value": "1.0.0"}, 201)
    api.deploy(service.uuid)
    coolify.step(3600)
    uuids = {
        "application": application.uuid,
        "service": service.uuid,
        "deployment": row.uuid,
        "server": coolify.server.uuid,
        "project": coolify.project.uuid,
    }
    body = api.get(path.format(**uuids))
    agrees(coolify.requests[-1].route, 200, body)


def test_what_is_done_is_answered_in_the_described_shape(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    application, service = coolify.add_application("nixpacks"), coolify.add_service()
    of, path = f"/applications/{application.uuid}", f"/services/{service.uuid}"
    (web, _) = api.get(f"{path}/applications")
    for method, asked, body, status in [
        ("POST", f"{of}/envs", {"key": "A", "value": "1"}, 201),
        ("PATCH", f"{of}/envs", {"key": "A", "value": "2"}, 201),
        ("PATCH", f"{of}/envs/bulk", {"data": [{"key": "A", "value": "3"}]}, 201),
        ("PATCH", of, {"git_branch": "main"}, 200),
        ("POST", "/deploy", {"uuid": application.uuid}, 200),
        ("POST", f"{of}/start", None, 200),
        ("POST", f"{of}/restart", None, 200),
        ("POST", f"{of}/rollback", {"commit": "a" * 40}, 200),
        ("POST", f"{of}/stop", None, 200),
        ("PATCH", f"{path}/envs/bulk", {"data": [{"key": "TAG", "value": "1.1.0"}]}, 201),
        ("PATCH", f"{path}/applications/{web['uuid']}", {"image": "ghcr.io/acme/shop-stack:1.1.0"}, 200),
        ("POST", f"{path}/applications/{web['uuid']}/start", None, 200),
        ("POST", f"{path}/start", None, 200),
        ("POST", "/projects", {"name": "new"}, 201),
    ]:
        answer = api.ask(method, asked, body)
        assert answer.status_code == status, answer.text
        agrees(coolify.requests[-1].route, status, answer.json())
    (row, *_) = api.rows(application.uuid)
    answer = api.ask("POST", f"/deployments/{row['deployment_uuid']}/cancel")
    agrees("POST /deployments/{uuid}/cancel", 200, answer.json())


def test_of_what_may_be_changed_the_description_lists_some_that_may_not(coolify: Coolify, api: Client) -> None:
    found = operation("PATCH /applications/{uuid}")
    assert found is not None
    listed = found["requestBody"]["content"]["application/json"]["schema"]["properties"]
    path = f"/applications/{coolify.add_application().uuid}"
    for key in (
        "project_uuid",
        "server_uuid",
        "environment_name",
        "destination_uuid",
        "github_app_uuid",
        "dockerfile",
    ):
        assert key in listed
        assert key in api.patch(path, {key: "x"}, 422)["errors"]
