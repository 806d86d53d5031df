"""What runs, what Coolify tells of it and when, and what its users see."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import Client
from .coolify import Coolify
from .sources import Behaviour
from .versions import OFFERED
from .world import Application


@pytest.fixture(autouse=True)
def _still(coolify: Coolify) -> None:
    coolify.clock.hold()


def answered(coolify: Coolify, application: Any) -> tuple[int, str]:
    answer = requests.get(coolify.site(application), timeout=20)
    return answer.status_code, answer.text


def told(api: Client, application: Application) -> str:
    return str(api.get(f"/applications/{application.uuid}")["status"])


def to_the_final_status(coolify: Coolify) -> None:
    pace = coolify.pace
    coolify.step(pace.pick_up + pace.resolve + pace.build + pace.start)


@pytest.mark.parametrize(("checked", "settled"), [(True, "running:healthy"), (False, "running:unknown")])
def test_after_a_rolling_update_it_is_called_unhealthy_for_a_while(
    coolify: Coolify, api: Client, checked: bool, settled: str
) -> None:
    application = coolify.add_application(health_check_enabled=checked)
    assert told(api, application) == "exited:unhealthy"
    api.deploy(application.uuid)
    to_the_final_status(coolify)
    assert api.rows(application.uuid)[0]["status"] == "finished"
    assert told(api, application) == "running:unhealthy"
    coolify.step(coolify.pace.settle)
    assert told(api, application) == settled


def test_without_a_rolling_update_it_is_called_exited_for_a_while(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("dockercompose")
    api.deploy(application.uuid)
    to_the_final_status(coolify)
    assert api.rows(application.uuid)[0]["status"] == "finished"
    assert told(api, application) == "exited:unhealthy"
    coolify.step(coolify.pace.settle)
    assert told(api, application) == "running:unknown"


@pytest.mark.parametrize(
    ("behaves", "checked", "columns", "row", "status", "serves"),
    [
        # With a health check, what is not healthy never replaces what is.
        ("unhealthy", True, {}, "failed", "running:healthy", "1.0.0"),
        ("crashes", True, {}, "failed", "running:healthy", "1.0.0"),
        ("restarts", True, {}, "failed", "running:healthy", "1.0.0"),
        # Without one, whatever was started is a success.
        ("unhealthy", False, {}, "finished", "running:unknown", "500"),
        ("crashes", False, {}, "finished", "exited:unhealthy", "503"),
        ("restarts", False, {}, "finished", "restarting:unknown", "503"),
        # Where the old container has to go first, the check comes too late.
        ("unhealthy", True, {"ports_mappings": "8080:80"}, "finished", "running:unhealthy", "500"),
        ("crashes", True, {"is_consistent_container_name_enabled": True}, "finished", "exited:unhealthy", "503"),
    ],
)
def test_finished_is_no_success(
    coolify: Coolify,
    api: Client,
    behaves: Behaviour,
    checked: bool,
    columns: dict[str, Any],
    row: str,
    status: str,
    serves: str,
) -> None:
    application = coolify.add_application(health_check_enabled=checked, **columns)
    coolify.add_version(application, "2.0.0", behaves)
    coolify.put_in_service(application, "1.0.0")
    api.patch(f"/applications/{application.uuid}", {"docker_registry_image_tag": "2.0.0"})
    api.deploy(application.uuid)
    coolify.step(3600)
    assert api.rows(application.uuid)[0]["status"] == row
    assert told(api, application) == status
    code, body = answered(coolify, application)
    assert serves in (str(code), body.split()[1])


def test_a_failed_rolling_update_ends_its_log_as_a_successful_one(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application(health_check_enabled=True)
    coolify.put_in_service(application)
    application.columns["docker_registry_image_tag"] = "broken"
    api.deploy(application.uuid)
    to_the_final_status(coolify)
    log = api.rows(application.uuid)[0]["logs"]
    assert "New container is not healthy, rolling back to the old container." in log
    assert "Rolling update completed." in log


def test_an_unknown_tag_fails_and_what_ran_goes_on(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    coolify.put_in_service(application)
    api.patch(f"/applications/{application.uuid}", {"docker_registry_image_tag": "9.9.9"})
    api.deploy(application.uuid)
    coolify.step(3600)
    assert api.rows(application.uuid)[0]["status"] == "failed"
    assert answered(coolify, application)[1].startswith("shop-api 1.0.0\n")


def test_an_image_is_pulled_anew_by_every_deployment(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application(docker_registry_image_tag="")
    coolify.world.registry.push("ghcr.io/acme/shop-api", "latest", content="old")
    api.deploy(application.uuid)
    coolify.step(3600)
    old = answered(coolify, application)[1]
    moved = coolify.world.registry.push("ghcr.io/acme/shop-api", "latest", content="new")
    api.deploy(application.uuid)
    coolify.step(3600)
    assert moved.digest in answered(coolify, application)[1]
    assert moved.digest not in old


@pytest.mark.parametrize(
    ("coolify", "built"),
    [
        ("4.0.0-beta.463", "1.0.0"),
        ("4.0.0-beta.470", "1.1.0"),
        ("4.1.2", "1.1.0"),
        ("4.2.0", "1.0.0"),
        ("4.3.11", "1.0.0"),
    ],
    indirect=["coolify"],
)
def test_a_pinned_commit_is_built_or_the_head_of_the_branch(coolify: Coolify, api: Client, built: str) -> None:
    application = coolify.add_application("nixpacks")
    pin = coolify.version_of(application, "1.0.0")
    api.patch(f"/applications/{application.uuid}", {"git_commit_sha": pin})
    api.deploy(application.uuid)
    coolify.step(3600)
    assert coolify.version_of(application, built) in answered(coolify, application)[1]
    # Only the versions that have mended it tell of the pin in the row.
    known = pin if coolify.world.version.has("row_tells_the_pin") else coolify.version_of(application, "1.1.0")
    assert api.rows(application.uuid)[0]["commit"] == known


@pytest.mark.parametrize("coolify", OFFERED, indirect=True)
def test_the_head_of_another_branch_is_built_by_every_version(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    api.patch(f"/applications/{application.uuid}", {"git_branch": "1.0.0"})
    api.deploy(application.uuid)
    coolify.step(3600)
    assert api.rows(application.uuid)[0]["commit"] == coolify.version_of(application, "1.0.0")


@pytest.mark.parametrize("version", ["", "not a sha", "-x", None])
def test_a_pin_that_is_none_is_refused(coolify: Coolify, api: Client, version: str | None) -> None:
    application = coolify.add_application("nixpacks")
    told = api.patch(f"/applications/{application.uuid}", {"git_commit_sha": version}, 422)
    assert told["message"] == "Validation failed."
    assert list(told["errors"]) == ["git_commit_sha"]


@pytest.mark.parametrize(
    ("coolify", "status"), [("4.0.0-beta.470", 200), ("4.1.2", 422), ("4.3.11", 422)], indirect=["coolify"]
)
def test_an_image_name_with_a_tag_is_refused_by_the_stricter_versions(
    coolify: Coolify, api: Client, status: int
) -> None:
    application = coolify.add_application()
    sent = {"docker_registry_image_name": "ghcr.io/acme/shop-api:1.0.0"}
    api.patch(f"/applications/{application.uuid}", sent, status)


def test_one_key_that_is_not_allowed_refuses_all_of_them(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    sent = {"docker_registry_image_tag": "1.1.0", "docker_compose_raw": "x", "build_pack": "dockerimage"}
    told = api.patch(f"/applications/{application.uuid}", sent, 422)
    assert told["errors"]["docker_compose_raw"] == ["This field is not allowed."]
    assert set(told["errors"]) == {"docker_compose_raw", "build_pack"}
    assert application.columns["docker_registry_image_tag"] == "1.0.0"


def test_what_is_not_json_is_told_what_it_should_be(coolify: Coolify, api: Client) -> None:
    path = f"/applications/{coolify.add_application().uuid}"
    told = [
        api.ask("PATCH", path, data="x=1"),
        api.ask("PATCH", path, data="{", headers={"Content-Type": "application/json"}),
        api.ask("PATCH", path, {}),
    ]
    assert [each.status_code for each in told] == [400] * 3
    assert [each.json()["error"] for each in told] == [
        "Content-Type must be application/json.",
        "Invalid JSON.",
        "Empty JSON.",
    ]


def test_changing_what_is_not_there_drops_the_full_stop(api: Client) -> None:
    assert api.patch("/applications/nothing", {"name": "x"}, 404) == {"message": "Application not found"}
    assert api.ask("GET", "/applications/nothing").json() == {"message": "Application not found."}


def test_a_domain_of_another_application_is_a_conflict_unless_forced(coolify: Coolify, api: Client) -> None:
    coolify.add_application(name="one", fqdn="https://shop.example.org")
    other = coolify.add_application(name="other")
    told = api.patch(f"/applications/{other.uuid}", {"domains": "https://shop.example.org"}, 409)
    assert [each["resource_name"] for each in told["conflicts"]] == ["one"]
    sent = {"domains": "https://shop.example.org", "force_domain_override": True}
    api.patch(f"/applications/{other.uuid}", sent)
    assert api.get(f"/applications/{other.uuid}")["fqdn"] == "https://shop.example.org"


def test_applications_are_listed_by_name_and_found_by_tag(coolify: Coolify, api: Client) -> None:
    for name, tags in (("zebra", ("nightly",)), ("ant", ())):
        coolify.add_application(name=name, tags=tags)
    assert [each["name"] for each in api.get("/applications")] == ["ant", "zebra"]
    assert [each["name"] for each in api.get("/applications", tag="nightly")] == ["zebra"]


@pytest.mark.parametrize(("coolify", "shown"), [("4.1.2", True), ("4.2.0", False)], indirect=["coolify"])
def test_old_versions_show_secrets_of_the_server_in_its_applications(
    coolify: Coolify, api: Client, shown: bool
) -> None:
    application = coolify.add_application()
    answer = api.ask("GET", f"/applications/{application.uuid}")
    assert ("sentinel-token-of-the-server" in answer.text) is shown
    assert ("settings" in answer.json()) is not shown


def test_the_log_of_a_container_is_bounded_and_there_is_none_when_it_does_not_run(
    coolify: Coolify, api: Client
) -> None:
    application = coolify.add_application()
    path = f"/applications/{application.uuid}/logs"
    assert api.ask("GET", path).json() == {"message": "Application is not running."}
    coolify.put_in_service(application)
    for number in range(150):
        coolify.say(application, f"line {number}")
    assert api.get(path, lines=2) == {"logs": "line 148\nline 149\n"}
    for lines in ("0", "-1", "many", ""):
        assert len(api.get(path, lines=lines)["logs"].splitlines()) == 100
    stamped = api.get(path, lines=1, show_timestamps="true")["logs"]
    assert stamped.endswith("Z line 149\n")
    coolify.server.is_reachable = False
    assert api.ask("GET", path).status_code == 500
    assert api.get(f"/applications/{application.uuid}")["server_status"] is False
