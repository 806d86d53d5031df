"""Stacks: they start without a record, and fail without a word."""

from __future__ import annotations

import base64

import pytest
import requests

from .conftest import Client
from .coolify import Coolify
from .world import Service


@pytest.fixture
def stack(coolify: Coolify, api: Client) -> Service:
    """A stack that runs 1.0.0."""
    coolify.clock.hold()
    made = coolify.add_service()
    api.deploy(made.uuid)
    coolify.step(3600)
    return made


def serves(coolify: Coolify, stack: Service) -> str:
    return requests.get(coolify.site(stack), timeout=20).text.split()[1]


def set_tag(api: Client, stack: Service, tag: str) -> None:
    sent = {"key": "TAG", "value": tag}
    path = f"/services/{stack.uuid}/envs"
    known = [each["key"] for each in api.get(path)]
    api.ask("PATCH" if "TAG" in known else "POST", path, sent).raise_for_status()


def test_a_start_has_no_uuid_and_no_row(coolify: Coolify, api: Client, stack: Service) -> None:
    assert api.deploy(stack.uuid) == {
        "message": "Service shop-stack started. It could take a while, be patient.",
        "resource_uuid": stack.uuid,
    }
    assert coolify.world.deployments == []


def test_while_it_starts_it_is_called_unhealthy_and_then_what_it_was_before(
    coolify: Coolify, api: Client, stack: Service
) -> None:
    path = f"/services/{stack.uuid}"
    assert api.get(path)["status"] == "running:healthy"
    set_tag(api, stack, "broken")
    api.deploy(stack.uuid)
    assert api.get(path)["status"] == "starting:unhealthy"
    coolify.step(coolify.pace.build + coolify.pace.start)
    assert api.get(path)["status"] == "running:healthy", "the status of before"
    coolify.step(coolify.pace.settle)
    assert api.get(path)["status"] == "degraded:unhealthy"


def test_a_variable_selects_the_tag(coolify: Coolify, api: Client, stack: Service) -> None:
    assert serves(coolify, stack) == "1.0.0"
    set_tag(api, stack, "1.1.0")
    assert serves(coolify, stack) == "1.0.0"
    api.deploy(stack.uuid)
    coolify.step(3600)
    assert serves(coolify, stack) == "1.1.0"


def test_a_tag_that_is_not_there_leaves_all_as_it_was_and_nothing_tells(
    coolify: Coolify, api: Client, stack: Service
) -> None:
    before = api.get(f"/services/{stack.uuid}")
    set_tag(api, stack, "9.9.9")
    api.deploy(stack.uuid)
    coolify.step(3600)
    assert api.get(f"/services/{stack.uuid}") == before
    assert serves(coolify, stack) == "1.0.0"


def test_only_what_pulls_finds_the_new_content_of_a_tag(coolify: Coolify, api: Client, stack: Service) -> None:
    moved = coolify.world.registry.push("ghcr.io/acme/shop-stack", "1.0.0", content="rebuilt")

    def runs_it() -> bool:
        coolify.step(3600)
        return moved.digest in requests.get(coolify.site(stack), timeout=20).text

    api.deploy(stack.uuid)
    assert not runs_it()
    api.ask("POST", f"/services/{stack.uuid}/restart", params={"latest": "true"}).raise_for_status()
    assert runs_it()


def test_starting_what_runs_and_stopping_what_does_not_is_400(
    coolify: Coolify, api: Client, stack: Service
) -> None:
    path = f"/services/{stack.uuid}"
    assert api.post(f"{path}/start", status=400) == {"message": "Service is already running."}
    api.post(f"{path}/stop")
    coolify.step(3600)
    assert api.get(path)["status"] == "exited"
    assert api.post(f"{path}/stop", status=400) == {"message": "Service is already stopped."}
    api.post(f"{path}/start")
    coolify.step(3600)
    assert serves(coolify, stack) == "1.0.0"


def test_the_image_of_one_container_is_rewritten_whatever_it_says(
    coolify: Coolify, api: Client, stack: Service
) -> None:
    (web, _) = api.get(f"/services/{stack.uuid}/applications")
    path = f"/services/{stack.uuid}/applications/{web['uuid']}"
    assert api.patch(path, {"image": "no image at all"})["image"] == "no image at all"
    api.patch(path, {"image": "ghcr.io/acme/shop-stack:1.1.0"})
    told = api.ask("POST", f"{path}/start", params={"latest": "true"}).json()
    assert told == {"message": "Service application deploy request queued."}
    coolify.step(3600)
    assert serves(coolify, stack) == "1.1.0"
    assert "image: ghcr.io/acme/shop-stack:1.1.0\n" in api.get(f"/services/{stack.uuid}")["docker_compose_raw"]


def test_the_compose_text_is_replaced_in_base64(coolify: Coolify, api: Client, stack: Service) -> None:
    path = f"/services/{stack.uuid}"
    assert api.patch(path, {"docker_compose_raw": "services:"}, 422)["message"] == "Validation failed."
    compose = "services:\n  web:\n    restart: always\n    image: 'ghcr.io/acme/shop-stack:1.1.0'\n"
    api.patch(path, {"docker_compose_raw": base64.b64encode(compose.encode()).decode()})
    api.deploy(stack.uuid)
    coolify.step(3600)
    assert serves(coolify, stack) == "1.1.0"
    assert [part["name"] for part in api.get(path)["applications"]] == ["web"]


def test_the_log_needs_the_name_of_a_container(coolify: Coolify, api: Client, stack: Service) -> None:
    path = f"/services/{stack.uuid}/logs"
    assert api.ask("GET", path).status_code == 400
    assert api.ask("GET", path, params={"sub_service_name": "nothing"}).status_code == 404
    assert "serving web" in api.get(path, sub_service_name="web")["logs"]
    api.post(f"/services/{stack.uuid}/stop")
    assert api.ask("GET", path, params={"sub_service_name": "web"}).status_code == 400


@pytest.mark.parametrize(("coolify", "there"), [("4.1.2", False), ("4.2.0", True)], indirect=["coolify"])
def test_containers_of_a_stack_are_reached_since_4_2(
    coolify: Coolify, api: Client, stack: Service, there: bool
) -> None:
    answers = [
        api.ask("GET", f"/services/{stack.uuid}/applications"),
        api.ask("GET", f"/services/{stack.uuid}/logs", params={"sub_service_name": "web"}),
    ]
    assert [each.status_code for each in answers] == ([200, 200] if there else [404, 404])
    assert all(("docs" in each.text) is not there for each in answers)


def test_a_stack_is_no_application_and_is_a_resource(coolify: Coolify, api: Client, stack: Service) -> None:
    assert api.ask("GET", f"/applications/{stack.uuid}").json() == {"message": "Application not found."}
    assert [(each["type"], each["uuid"]) for each in api.get("/resources")] == [("service", stack.uuid)]
    (project,) = api.get("/projects")
    told = api.get(f"/projects/{project['uuid']}/production")
    assert [each["uuid"] for each in told["services"]] == [stack.uuid]
