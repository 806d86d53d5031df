"""What asking for a deployment is answered, and what of it is true."""

from __future__ import annotations

import pytest

from .conftest import Client
from .coolify import Coolify


def test_a_deployment_that_was_queued_is_found_under_its_uuid(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application(name="shop-api")
    entry = api.deploy(row.uuid)
    assert entry["message"] == "Application shop-api deployment queued."
    assert entry["resource_uuid"] == row.uuid
    assert api.get(f"/deployments/{entry['deployment_uuid']}")["status"] == "in_progress"


def test_a_skipped_deployment_has_a_uuid_that_was_never_stored(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    row = coolify.add_application()
    real = api.deploy(row.uuid)["deployment_uuid"]
    skipped = api.deploy(row.uuid)
    assert skipped["message"] == "Deployment already queued for this commit."
    answer = api.ask("GET", f"/deployments/{skipped['deployment_uuid']}")
    assert (answer.status_code, answer.json()) == (404, {"message": "Deployment not found."})
    assert [each["deployment_uuid"] for each in api.rows(row.uuid)] == [real]


def test_another_tag_of_an_image_is_a_duplicate_all_the_same_and_forced_through(
    coolify: Coolify, api: Client
) -> None:
    coolify.clock.hold()
    row = coolify.add_application("dockerimage")
    api.deploy(row.uuid)
    api.patch(f"/applications/{row.uuid}", {"docker_registry_image_tag": "1.1.0"})
    assert "already queued" in api.deploy(row.uuid)["message"]
    assert "deployment queued" in api.deploy(row.uuid, force=True)["message"]
    coolify.step(3600)
    assert row.container is not None
    assert row.container.version == "1.1.0"


def test_a_second_head_is_accepted_once_the_first_is_a_commit(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    row = coolify.add_application("nixpacks")
    api.deploy(row.uuid)
    assert "already queued" in api.deploy(row.uuid)["message"]
    coolify.step(coolify.pace.pick_up + coolify.pace.resolve)
    assert "deployment queued" in api.deploy(row.uuid)["message"]
    assert [each["status"] for each in api.rows(row.uuid)] == ["queued", "in_progress"]


@pytest.mark.parametrize("action", ["start", "restart"])
def test_what_start_and_restart_skip_has_no_uuid_at_all(coolify: Coolify, api: Client, action: str) -> None:
    coolify.clock.hold()
    row = coolify.add_application()
    assert api.post(f"/applications/{row.uuid}/{action}")["deployment_uuid"]
    assert api.post(f"/applications/{row.uuid}/{action}") == {
        "message": "Deployment already queued for this commit."
    }


def test_a_full_queue_is_429_for_deploy_400_for_rollback_and_a_lie_for_start(
    coolify: Coolify, api: Client
) -> None:
    row = coolify.add_application("nixpacks")
    coolify.fill_queue()
    answer = api.ask("POST", "/deploy", {"uuid": row.uuid})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    full = {"message": "Deployment queue is full. Please wait for existing deployments to complete."}
    assert answer.json() == full
    assert api.post(f"/applications/{row.uuid}/rollback", {"commit": "a" * 40}, 400) == full
    started = api.post(f"/applications/{row.uuid}/start")
    assert started["message"] == "Deployment request queued."
    assert api.ask("GET", f"/deployments/{started['deployment_uuid']}").status_code == 404
    coolify.empty_queue()
    assert "queued" in api.deploy(row.uuid)["message"]


def test_two_deployments_of_a_server_run_at_once_and_one_of_an_application(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    rows = [coolify.add_application(name=f"shop-{number}") for number in range(3)]
    for each in [rows[0], rows[0], *rows[1:]]:
        api.deploy(each.uuid, force=True)
    states = [(each.application.name, each.status) for each in coolify.world.deployments]
    assert states == [
        ("shop-0", "in_progress"),
        ("shop-0", "queued"),
        ("shop-1", "in_progress"),
        ("shop-2", "queued"),
    ]
    coolify.step(3600)
    assert {each.status for each in coolify.world.deployments} == {"finished"}


def test_spaces_of_a_list_are_not_trimmed_and_unknown_ones_are_dropped_silently(
    coolify: Coolify, api: Client
) -> None:
    one, other = coolify.add_application(name="one"), coolify.add_application(name="other")
    told = api.post("/deploy", {"uuid": f"{one.uuid}, {other.uuid},nothing"})
    assert [each["resource_uuid"] for each in told["deployments"]] == [one.uuid]
    assert api.post("/deploy", {"uuid": "nothing"}, 404) == {"message": "No resources found."}


def test_deploying_by_tag_is_answered_in_another_shape(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application(tags=("nightly",))
    told = api.post("/deploy", {"tag": "nightly"})
    assert told["message"] == ["Application shop-api deployment queued."]
    assert [each["resource_uuid"] for each in told["details"]] == [row.uuid]
    assert api.post("/deploy", {"tag": "never"}, 404) == {"message": "No resources found with this tag."}
    assert api.post("/deploy", {"tag": "a", "uuid": "b"}, 400)["message"].startswith("You can only use")


@pytest.mark.parametrize(
    ("coolify", "status"),
    [("4.0.0-beta.470", 200), ("4.1.2", 200), ("4.2.0", 405), ("4.3.11", 405)],
    indirect=["coolify"],
)
def test_get_deploys_until_it_is_refused_with_the_way_to_go(coolify: Coolify, api: Client, status: int) -> None:
    row = coolify.add_application()
    answers = [api.ask("GET", "/deploy", params={"uuid": row.uuid})]
    answers += [api.ask("GET", f"/applications/{row.uuid}/{action}") for action in ("start", "stop", "restart")]
    assert [each.status_code for each in answers] == [status] * 4
    if status == 405:
        assert {each.headers["Allow"] for each in answers} == {"POST"}
        assert answers[0].json() == {"message": "This endpoint has changed to a POST request."}


def test_stopping_removes_the_images_unless_told_not_to(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application("nixpacks")
    coolify.put_in_service(row)
    api.ask("POST", f"/applications/{row.uuid}/stop", params={"docker_cleanup": "false"})
    assert row.container is None
    assert row.images
    assert api.post(f"/applications/{row.uuid}/stop") == {"message": "Application stopping request queued."}
    assert not row.images
    coolify.step(1)
    assert api.get(f"/applications/{row.uuid}")["status"] == "exited:unhealthy"


def test_changing_with_instant_deploy_queues_and_tells_no_uuid(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application()
    told = api.patch(f"/applications/{row.uuid}", {"docker_registry_image_tag": "1.1.0", "instant_deploy": True})
    assert told == {"uuid": row.uuid}
    assert len(api.rows(row.uuid)) == 1
