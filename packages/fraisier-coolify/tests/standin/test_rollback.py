"""Going back by the server's own means, and what they do not do."""

from __future__ import annotations

import pytest
import requests

from .conftest import Client
from .coolify import Coolify


@pytest.mark.parametrize(
    ("coolify", "there"),
    [("4.1.2", False), ("4.2.0", False), ("4.3.0", True), ("4.3.11", True)],
    indirect=["coolify"],
)
def test_rollback_is_a_route_only_since_it_was_made(coolify: Coolify, api: Client, there: bool) -> None:
    application = coolify.add_application("nixpacks")
    answers = [
        api.ask("POST", f"/applications/{application.uuid}/rollback", {"commit": "a" * 40}),
        api.ask("GET", f"/applications/{application.uuid}/rollback-images"),
    ]
    assert [each.status_code for each in answers] == ([200, 200] if there else [404, 404])
    assert all(("docs" in each.json()) is not there for each in answers)


def test_a_commit_is_gone_back_to_without_building_and_the_settings_stay(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    for version in ("1.0.0", "1.1.0"):
        coolify.put_in_service(application, version)
    before = dict(application.columns)
    commit = coolify.version_of(application, "1.0.0")
    told = api.post(f"/applications/{application.uuid}/rollback", {"commit": commit})
    assert told["message"] == "Rollback deployment queued."
    coolify.step(3600)
    row = api.get(f"/deployments/{told['deployment_uuid']}")
    assert (row["status"], row["rollback"], row["commit"]) == ("finished", True, commit)
    assert "Build step skipped." in row["logs"]
    assert commit in requests.get(coolify.site(application), timeout=20).text
    assert application.columns == before


def test_the_target_is_not_checked_and_what_is_no_commit_fails_later(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    coolify.put_in_service(application, "1.0.0")
    told = api.post(f"/applications/{application.uuid}/rollback", {"commit": "0" * 40})
    coolify.step(3600)
    assert api.get(f"/deployments/{told['deployment_uuid']}")["status"] == "failed"
    assert application.container is not None
    assert application.container.version == coolify.version_of(application, "1.0.0")


def test_for_an_image_the_target_is_ignored_and_success_told(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("dockerimage")
    for version in ("1.0.0", "1.1.0"):
        coolify.put_in_service(application, version)
    told = api.post(f"/applications/{application.uuid}/rollback", {"commit": "1.0.0"})
    coolify.step(3600)
    assert api.get(f"/deployments/{told['deployment_uuid']}")["status"] == "finished"
    assert requests.get(coolify.site(application), timeout=20).text.startswith("shop-api 1.1.0\n")


@pytest.mark.parametrize("coolify", ["4.4.0"], indirect=True)
def test_later_versions_go_back_to_the_tag_of_an_image(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("dockerimage")
    for version in ("1.0.0", "1.1.0"):
        coolify.put_in_service(application, version)
    api.post(f"/applications/{application.uuid}/rollback", {"commit": "1.0.0"})
    coolify.step(3600)
    assert requests.get(coolify.site(application), timeout=20).text.startswith("shop-api 1.0.0\n")


@pytest.mark.parametrize("sent", [{"commit": "a b"}, {"commit": "a", "force": True}, {"tag": "1.0.0"}])
def test_a_rollback_takes_one_key_of_clean_text(coolify: Coolify, api: Client, sent: dict[str, str]) -> None:
    application = coolify.add_application("nixpacks")
    told = api.post(f"/applications/{application.uuid}/rollback", sent, 422)
    assert told["message"] == "Validation failed."


def test_a_rollback_is_never_skipped(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    application = coolify.add_application("nixpacks")
    for _ in range(2):
        api.post(f"/applications/{application.uuid}/rollback", {"commit": "a" * 40})
    assert [row["status"] for row in api.rows(application.uuid)] == ["queued", "in_progress"]


def test_the_images_to_go_back_to_are_few_and_the_current_one_is_not_told(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks", docker_images_to_keep=1)
    commits = [coolify.add_version(application, f"1.2.{number}") for number in range(3)]
    for number in range(3):
        coolify.put_in_service(application, f"1.2.{number}")
    told = api.get(f"/applications/{application.uuid}/rollback-images")
    assert told["current"] is None
    assert {image["tag"] for image in told["images"]} == set(commits[1:])
    coolify.server.is_reachable = False
    assert api.get(f"/applications/{application.uuid}/rollback-images")["images"] == []


def test_a_changed_build_setting_rebuilds_an_image_that_was_kept(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    coolify.put_in_service(application, "1.0.0")
    api.patch(f"/applications/{application.uuid}", {"build_command": "make"})
    commit = coolify.version_of(application, "1.0.0")
    told = api.post(f"/applications/{application.uuid}/rollback", {"commit": commit})
    coolify.step(3600)
    assert "Build configuration changed." in api.get(f"/deployments/{told['deployment_uuid']}")["logs"]
