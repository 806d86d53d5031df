"""The life of a row of the deployment queue, as polling sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Client
from .coolify import Coolify


@pytest.fixture(autouse=True)
def _still(coolify: Coolify) -> None:
    coolify.clock.hold()


def log_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [] if row["logs"] is None else list(json.loads(row["logs"]))


def test_a_row_is_in_progress_before_anything_was_written(coolify: Coolify, api: Client) -> None:
    uuid = api.deploy(coolify.add_application().uuid)["deployment_uuid"]
    row = api.get(f"/deployments/{uuid}")
    assert (row["status"], row["logs"], row["current_process_id"]) == ("in_progress", None, None)


def test_head_becomes_a_commit_while_it_runs(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    path = f"/deployments/{api.deploy(application.uuid)['deployment_uuid']}"
    assert api.get(path)["commit"] == "HEAD"
    coolify.step(coolify.pace.pick_up + coolify.pace.resolve)
    row = api.get(path)
    assert (row["status"], row["commit"]) == ("in_progress", coolify.version_of(application, "1.1.0"))


def test_the_commit_of_an_image_stays_head_and_no_tag_is_told(coolify: Coolify, api: Client) -> None:
    path = f"/deployments/{api.deploy(coolify.add_application().uuid)['deployment_uuid']}"
    coolify.step(3600)
    row = api.get(path)
    assert (row["status"], row["commit"], row["docker_registry_image_tag"]) == ("finished", "HEAD", None)


@pytest.mark.parametrize("version", ["1.0.0", "no-such-tag"])
def test_the_last_lines_and_the_end_come_after_the_final_status(
    coolify: Coolify, api: Client, version: str
) -> None:
    application = coolify.add_application(docker_registry_image_tag=version)
    path = f"/deployments/{api.deploy(application.uuid)['deployment_uuid']}"
    pace = coolify.pace
    coolify.step(pace.pick_up + pace.resolve + pace.build + pace.start)
    early = api.get(path)
    assert early["status"] == ("finished" if version == "1.0.0" else "failed")
    assert early["finished_at"] is None
    coolify.step(pace.tail)
    late = api.get(path)
    assert late["finished_at"] is not None
    assert len(log_of(late)) > len(log_of(early))
    if version == "no-such-tag":
        said = [entry["output"] for entry in log_of(late)[len(log_of(early)) :]]
        assert "manifest unknown" in said[0]


def test_a_log_is_text_with_json_of_irregular_keys_and_chunks(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application("nixpacks")
    path = f"/deployments/{api.deploy(application.uuid)['deployment_uuid']}"
    coolify.step(3600)
    row = api.get(path)
    assert isinstance(row["logs"], str)
    entries = log_of(row)
    assert "order" not in entries[0]
    assert all("order" in entry for entry in entries[1:])
    assert {entry["type"] for entry in entries} == {"stdout", "stderr"}
    hidden = [entry["output"] for entry in entries if entry["hidden"]]
    assert any("\n" in chunk and not chunk.endswith("\n") for chunk in hidden), "no chunk ends in half a line"
    assert not any(chunk.startswith("#1") for chunk in (e["output"] for e in entries if not e["hidden"]))


def test_a_restart_fails_every_open_row_for_good(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    for _ in range(2):
        api.deploy(application.uuid, force=True)
    coolify.restart()
    coolify.step(3600)
    rows = api.rows(application.uuid)
    assert [(row["status"], row["finished_at"]) for row in rows] == [("failed", None)] * 2
    assert application.container is None


@pytest.mark.parametrize(
    ("coolify", "status", "starts_next"),
    [
        ("4.0.0-beta.470", 200, False),
        ("4.1.2", 500, False),
        ("4.3.0", 500, False),
        ("4.3.6", 500, False),
        ("4.3.7", 200, True),
        ("4.3.11", 200, True),
    ],
    indirect=["coolify"],
)
def test_cancelling_takes_effect_whatever_it_answers(
    coolify: Coolify, api: Client, status: int, starts_next: bool
) -> None:
    coolify.clock.hold()
    application = coolify.add_application()
    first, second = (api.deploy(application.uuid, force=True)["deployment_uuid"] for _ in range(2))
    answer = api.ask("POST", f"/deployments/{first}/cancel")
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {
            "message": "Deployment cancelled successfully.",
            "deployment_uuid": first,
            "status": "cancelled-by-user",
        }
    else:
        assert answer.json()["message"].startswith("Failed to cancel deployment: ")
    row = api.get(f"/deployments/{first}")
    assert (row["status"], row["finished_at"]) == ("cancelled-by-user", None)
    assert (api.get(f"/deployments/{second}")["status"] == "in_progress") is starts_next
    again = api.ask("POST", f"/deployments/{first}/cancel")
    assert again.status_code == 400
    assert again.json()["message"] == "Deployment cannot be cancelled. Current status: cancelled-by-user"


def test_cancelling_what_is_not_there_is_404_and_anothers_403(coolify: Coolify, api: Client, client: Any) -> None:
    assert api.post("/deployments/nothing/cancel", status=404) == {"message": "Deployment not found."}
    uuid = api.deploy(coolify.add_application().uuid)["deployment_uuid"]
    stranger = client(coolify.add_token(team=coolify.add_team("others")))
    told = stranger.post(f"/deployments/{uuid}/cancel", status=403)
    assert told == {"message": "You do not have permission to cancel this deployment."}


def test_cancelling_between_the_old_and_the_new_container_leaves_nothing(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application(ports_mappings="8080:80")
    coolify.put_in_service(application)
    uuid = api.deploy(application.uuid)["deployment_uuid"]
    pace = coolify.pace
    coolify.step(pace.pick_up + pace.resolve + pace.build)
    assert application.container is None
    api.post(f"/deployments/{uuid}/cancel")
    coolify.step(3600)
    assert application.container is None


def test_the_rows_of_an_application_are_wrapped_and_paged_newest_first(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    for _ in range(3):
        coolify.put_in_service(application)
    told = api.get(f"/deployments/applications/{application.uuid}", skip=1, take=1)
    assert (told["count"], len(told["deployments"])) == (3, 1)
    ids = [row["id"] for row in api.rows(application.uuid)]
    assert ids == sorted(ids, reverse=True)
    assert told["deployments"][0]["id"] == ids[1]
    assert isinstance(told["deployments"][0]["application_id"], str)
    told = api.ask("GET", "/deployments/applications/nothing")
    assert (told.status_code, told.json()) == (404, {"message": "Application not found"})


def test_previews_are_in_the_list_and_beside_the_application(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    coolify.put_in_service(application)
    running = application.container
    coolify.deploy(application, pull_request_id=7)
    api.deploy(application.uuid)
    assert [(row["pull_request_id"], row["status"]) for row in api.rows(application.uuid)] == [
        (0, "in_progress"),
        (7, "in_progress"),
        (0, "finished"),
    ]
    api.post(f"/deployments/{api.rows(application.uuid)[0]['deployment_uuid']}/cancel")
    coolify.step(3600)
    assert application.container is running


def test_the_list_of_open_rows_is_an_object_when_they_came_out_of_order(coolify: Coolify, api: Client) -> None:
    one, other = coolify.add_application(name="one"), coolify.add_application(name="other")
    api.deploy(one.uuid, force=True)
    assert isinstance(api.get("/deployments"), list)
    api.deploy(one.uuid, force=True)
    api.deploy(other.uuid)
    told = api.get("/deployments")
    assert isinstance(told, dict)
    assert sorted(told) == ["0", "1", "2"]
    assert {each["application_name"] for each in told.values()} == {"one", "other"}


@pytest.mark.parametrize("coolify", ["4.0.0-beta.465"], indirect=True)
def test_some_betas_find_no_deployment_by_its_uuid(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    uuid = api.deploy(application.uuid)["deployment_uuid"]
    assert api.ask("GET", f"/deployments/{uuid}").status_code == 404
    assert [row["deployment_uuid"] for row in api.rows(application.uuid)] == [uuid]


def test_a_row_embeds_its_application_with_all_that_surrounds_it(coolify: Coolify, api: Client) -> None:
    uuid = api.deploy(coolify.add_application().uuid)["deployment_uuid"]
    row = api.get(f"/deployments/{uuid}")
    assert row["application"]["environment"]["project"]["name"] == "shop"
    assert row["application"]["destination"]["server"]["name"] == "web-1"


def test_a_row_tells_whether_it_came_over_the_api(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    api.deploy(application.uuid)
    coolify.deploy(application)
    assert [row["is_api"] for row in api.rows(application.uuid)] == [False, True]


def test_a_deployment_can_take_a_number_of_requests(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    path = f"/deployments/{api.deploy(application.uuid)['deployment_uuid']}"
    pace = coolify.pace
    pace.request = (pace.pick_up + pace.resolve + pace.build + pace.start) / 3.5
    states = [api.get(path)["status"] for _ in range(5)]
    assert states == ["in_progress"] * 3 + ["finished"] * 2


def test_the_times_told_are_wrong_by_the_skew(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    coolify.deploy(application)
    right = api.rows(application.uuid)[0]["created_at"]
    coolify.clock.skew = 3600
    assert api.rows(application.uuid)[0]["created_at"] > right
