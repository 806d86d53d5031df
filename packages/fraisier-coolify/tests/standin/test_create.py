"""Making projects, applications and services."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from .conftest import Client
from .coolify import Coolify


@pytest.fixture
def place(coolify: Coolify) -> dict[str, Any]:
    return {
        "project_uuid": coolify.project.uuid,
        "environment_name": "production",
        "server_uuid": coolify.server.uuid,
    }


def test_an_image_becomes_an_application_that_can_be_deployed(
    coolify: Coolify, api: Client, place: dict[str, Any]
) -> None:
    coolify.world.registry.push("ghcr.io/acme/new", "3.0")
    sent = place | {
        "name": "new",
        "docker_registry_image_name": "ghcr.io/acme/new",
        "docker_registry_image_tag": "3.0",
        "ports_exposes": "8080",
        "domains": "https://new.example.org",
    }
    told = api.post("/applications/dockerimage", sent, 201)
    assert told["domains"] == ["https://new.example.org"]
    made = api.get(f"/applications/{told['uuid']}")
    assert (made["build_pack"], made["status"]) == ("dockerimage", "exited:unhealthy")
    assert (made["fqdn"], made["ports_exposes"]) == ("https://new.example.org", "8080")
    api.deploy(told["uuid"])
    coolify.step(3600)
    assert api.get(f"/applications/{told['uuid']}")["status"] == "running:unknown"


def test_a_public_repository_becomes_an_application(coolify: Coolify, api: Client, place: dict[str, Any]) -> None:
    sha = coolify.world.repository("https://git.example.org/acme/new").commit("first").sha
    sent = place | {
        "git_repository": "https://git.example.org/acme/new",
        "git_branch": "main",
        "build_pack": "nixpacks",
        "ports_exposes": "3000",
        "instant_deploy": True,
    }
    uuid = api.post("/applications/public", sent, 201)["uuid"]
    coolify.step(3600)
    assert [row["commit"] for row in api.rows(uuid)] == [sha]


@pytest.mark.parametrize("missing", ["project_uuid", "server_uuid", "ports_exposes", "docker_registry_image_name"])
def test_what_is_missing_is_named(api: Client, place: dict[str, Any], missing: str) -> None:
    sent = place | {"docker_registry_image_name": "ghcr.io/acme/new", "ports_exposes": "80"}
    del sent[missing]
    assert list(api.post("/applications/dockerimage", sent, 422)["errors"]) == [missing]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"project_uuid": "nothing"}, "Project not found."),
        ({"environment_name": "nothing"}, "Environment not found."),
        ({"server_uuid": "nothing"}, "Server not found."),
    ],
)
def test_a_place_that_is_not_there_is_404(
    api: Client, place: dict[str, Any], wrong: dict[str, Any], message: str
) -> None:
    sent = place | wrong | {"docker_registry_image_name": "ghcr.io/acme/new", "ports_exposes": "80"}
    assert api.post("/applications/dockerimage", sent, 404) == {"message": message}


def test_a_domain_that_is_taken_makes_nothing(coolify: Coolify, api: Client, place: dict[str, Any]) -> None:
    coolify.add_application(fqdn="https://shop.example.org")
    sent = place | {
        "docker_registry_image_name": "ghcr.io/acme/new",
        "ports_exposes": "80",
        "domains": "https://shop.example.org",
    }
    api.post("/applications/dockerimage", sent, 409)
    assert len(api.get("/applications")) == 1


def test_a_dockerfile_comes_in_base64_and_is_hidden_from_who_sees_no_secrets(
    coolify: Coolify, api: Client, client: Any, place: dict[str, Any]
) -> None:
    api.post("/applications/dockerfile", place | {"dockerfile": "FROM scratch"}, 422)
    text = base64.b64encode(b"FROM scratch\n").decode()
    uuid = api.post("/applications/dockerfile", place | {"dockerfile": text}, 201)["uuid"]
    assert api.get(f"/applications/{uuid}")["dockerfile"] == "FROM scratch\n"
    assert "dockerfile" not in client(coolify.add_token("read")).get(f"/applications/{uuid}")


@pytest.mark.parametrize(
    ("coolify", "path", "status"),
    [
        ("4.0.0-beta.470", "/applications/dockercompose", 201),
        ("4.1.2", "/applications/dockercompose", 404),
        ("4.0.0-beta.470", "/services", 201),
        ("4.3.11", "/services", 201),
    ],
    indirect=["coolify"],
)
def test_compose_text_becomes_a_service(
    coolify: Coolify, api: Client, place: dict[str, Any], path: str, status: int
) -> None:
    compose = base64.b64encode(b"services:\n  web:\n    image: ghcr.io/acme/new:1\n").decode()
    told = api.post(path, place | {"docker_compose_raw": compose, "name": "new"}, status)
    if status == 201:
        (part,) = api.get(f"/services/{told['uuid']}")["applications"]
        assert (part["name"], part["image"]) == ("web", "ghcr.io/acme/new:1")


def test_a_project_begins_with_an_environment_and_takes_more(api: Client) -> None:
    uuid = api.post("/projects", {"name": "new"}, 201)["uuid"]
    assert [each["name"] for each in api.get(f"/projects/{uuid}")["environments"]] == ["production"]
    api.post(f"/projects/{uuid}/environments", {"name": "staging"}, 201)
    api.post(f"/projects/{uuid}/environments", {"name": "staging"}, 409)
    assert [each["name"] for each in api.get(f"/projects/{uuid}/environments")] == ["production", "staging"]
    assert api.get(f"/projects/{uuid}/staging")["applications"] == []
