"""Faults happen where and as often as they are asked for, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from .conftest import Client
from .coolify import Coolify

ROUTE = "GET /applications"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429, 500])
def test_a_status_comes_once_with_the_body_it_has_in_coolify(coolify: Coolify, api: Client, status: int) -> None:
    coolify.fault(ROUTE, status=status)
    answer = api.ask("GET", "/applications")
    assert answer.status_code == status
    assert answer.json()["message"]
    assert api.get("/applications") == []


@pytest.mark.parametrize("what", [{"status": 502}, {"status": 503}, {"status": 500, "html": True}])
def test_the_page_of_a_proxy_comes_instead(coolify: Coolify, api: Client, what: dict[str, Any]) -> None:
    coolify.fault(ROUTE, **what)
    answer = api.ask("GET", "/applications")
    assert answer.status_code == what["status"]
    assert answer.text.startswith("<!DOCTYPE html>")


def test_retry_after_is_said(coolify: Coolify, api: Client) -> None:
    coolify.fault(ROUTE, status=429, retry_after=7)
    assert api.ask("GET", "/applications").headers["Retry-After"] == "7"


def test_a_lasting_fault_lasts_until_it_is_ended_and_counts(coolify: Coolify, api: Client) -> None:
    fault = coolify.fault(ROUTE, status=500, times=None)
    assert [api.ask("GET", "/applications").status_code for _ in range(3)] == [500] * 3
    assert api.ask("GET", "/version").status_code == 200
    fault.end()
    assert api.ask("GET", "/applications").status_code == 200
    assert fault.hits == 3


def test_a_fault_of_all_routes_meets_every_one(coolify: Coolify, api: Client) -> None:
    coolify.fault("*", status=500, times=2)
    assert [api.ask("GET", path).status_code for path in ("/version", "/teams", "/teams")] == [500, 500, 200]


def test_a_fault_may_meet_some_requests_of_a_route_only(coolify: Coolify, api: Client) -> None:
    fault = coolify.fault("POST /deploy", status=500, when=lambda request: request.body != b"{}")
    assert api.ask("POST", "/deploy", {}).status_code == 400
    assert fault.hits == 0
    assert api.ask("POST", "/deploy", {"uuid": "any"}).status_code == 500


def test_a_fault_of_a_route_that_is_none_is_refused(coolify: Coolify) -> None:
    with pytest.raises(LookupError, match="no route"):
        coolify.fault("POST /deploys", status=500)


@pytest.mark.parametrize(
    ("what", "rows"),
    [({"lost": True}, 1), ({"cut": True}, 1), ({"refused": True}, 0)],
)
def test_an_answer_that_is_lost_was_done_and_one_refused_was_not(
    coolify: Coolify, api: Client, what: dict[str, Any], rows: int
) -> None:
    application = coolify.add_application()
    coolify.fault("POST /deploy", **what)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.deploy(application.uuid)
    assert len(api.rows(application.uuid)) == rows


@pytest.mark.parametrize(("done", "rows"), [(True, 1), (False, 0)])
def test_a_500_may_have_done_it(coolify: Coolify, api: Client, done: bool, rows: int) -> None:
    application = coolify.add_application()
    coolify.fault("POST /deploy", status=500, done=done)
    assert api.ask("POST", "/deploy", {"uuid": application.uuid}).status_code == 500
    assert len(api.rows(application.uuid)) == rows


def test_a_slow_answer_holds_up_no_other(coolify: Coolify, api: Client, client: Callable[[str], Client]) -> None:
    coolify.fault(ROUTE, slow=3600)
    with pytest.raises(requests.ReadTimeout):
        api.ask("GET", "/applications", timeout=0.1)
    assert client(coolify.token).get("/teams")


def test_a_slow_answer_does_not_hold_up_the_end() -> None:
    with Coolify() as coolify:
        coolify.fault("*", slow=3600)
        with pytest.raises(requests.ReadTimeout):
            requests.get(coolify.url, timeout=0.1)


def test_a_restart_in_the_middle_fails_what_is_open_and_answers_by_the_proxy(
    coolify: Coolify, api: Client
) -> None:
    coolify.clock.hold()
    application = coolify.add_application()
    uuid = api.deploy(application.uuid)["deployment_uuid"]
    coolify.fault("GET /deployments/{uuid}", restart=True)
    assert api.ask("GET", f"/deployments/{uuid}").status_code == 502
    assert api.get(f"/deployments/{uuid}")["status"] == "failed"


def test_a_redirect_leads_to_the_same_path_of_another_host(coolify: Coolify, api: Client) -> None:
    coolify.fault(ROUTE, redirect="http://127.0.0.2:1")
    answer = api.ask("GET", "/applications", params={"tag": "x"})
    assert (answer.status_code, answer.headers["Location"]) == (
        307,
        "http://127.0.0.2:1/api/v1/applications?tag=x",
    )


def test_what_was_asked_is_recorded_with_what_became_of_it(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    api.deploy(application.uuid, force=True)
    api.ask("GET", "/nothing", params={"a": "b"})
    deployed, nothing = coolify.requests
    assert (deployed.route, deployed.status) == ("POST /deploy", 200)
    assert deployed.json() == {"uuid": application.uuid, "force": True}
    assert (nothing.route, nothing.path, nothing.query, nothing.status) == ("", "/api/v1/nothing", {"a": "b"}, 404)
    assert coolify.asked("POST /deploy") == [deployed]


def test_the_date_of_an_answer_is_wrong_by_the_skew(coolify: Coolify, api: Client) -> None:
    coolify.clock.hold()
    right = api.ask("GET", "/version").headers["Date"]
    coolify.clock.skew = -86400
    assert api.ask("GET", "/version").headers["Date"] != right
