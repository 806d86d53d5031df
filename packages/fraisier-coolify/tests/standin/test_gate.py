"""Who may ask, and what the others are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from .conftest import Client
from .coolify import Coolify

Clients = Callable[[str], Client]


@pytest.mark.parametrize("token", ["", "1", "1|wrong", "wrong"])
def test_a_wrong_token_is_401(client: Clients, token: str) -> None:
    answer = client(token).ask("GET", "/version")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


def test_the_number_and_the_pipe_belong_to_the_token(coolify: Coolify, client: Clients) -> None:
    assert client(coolify.token.partition("|")[2]).ask("GET", "/version").status_code == 401
    assert client(coolify.token).ask("GET", "/version").status_code == 200


def test_an_expired_token_is_answered_like_a_wrong_one(coolify: Coolify, api: Client) -> None:
    coolify.expire(coolify.token)
    answer = api.ask("GET", "/version")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


@pytest.mark.parametrize(
    ("ability", "method", "path", "status"),
    [
        ("read", "GET", "/applications", 200),
        ("read", "POST", "/deploy", 403),
        ("read", "PATCH", "/applications/any", 403),
        ("deploy", "GET", "/applications", 403),
        ("deploy", "POST", "/deploy", 400),
        ("write", "GET", "/applications", 403),
        ("write", "PATCH", "/applications/any", 400),
        ("root", "POST", "/deploy", 400),
        ("root", "GET", "/applications", 200),
    ],
)
def test_no_ability_includes_another_but_root(
    coolify: Coolify, client: Clients, ability: str, method: str, path: str, status: int
) -> None:
    body: dict[str, str] | None = {} if method == "PATCH" else None
    answer = client(coolify.add_token(ability)).ask(method, path, body)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["message"].startswith("Missing required permissions: ")


def test_looking_for_abilities_changes_nothing(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application()
    before = dict(row.columns)
    assert api.ask("POST", "/deploy", {}).json() == {"message": "You must provide uuid or tag."}
    answer = api.ask("PATCH", f"/applications/{row.uuid}", {})
    assert answer.json() == {"message": "Invalid request.", "error": "Empty JSON."}
    assert row.columns == before
    assert coolify.world.deployments == []


def test_secrets_are_absent_without_the_ability_to_see_them(coolify: Coolify, client: Clients) -> None:
    row = coolify.add_application()
    coolify.put_in_service(row)
    seeing, blind = client(coolify.token), client(coolify.add_token("read", "write"))
    blind.post(f"/applications/{row.uuid}/envs", {"key": "A", "value": "1"}, 201)
    for sees, who in ((True, seeing), (False, blind)):
        (deployment,) = who.rows(row.uuid)
        assert ("logs" in deployment) is sees
        for variable in who.get(f"/applications/{row.uuid}/envs"):
            assert ("value" in variable, "real_value" in variable) == (sees, sees)


def test_a_switched_off_api_says_success(coolify: Coolify, api: Client) -> None:
    coolify.world.is_api_enabled = False
    answer = api.ask("GET", "/version")
    assert (answer.status_code, answer.json()) == (403, {"success": True, "message": "API is disabled."})


@pytest.mark.parametrize(
    ("allowed", "status"),
    [("0.0.0.0", 200), ("127.0.0.1", 200), ("10.0.0.0/8, 127.0.0.0/8", 200), ("10.0.0.1", 403)],
)
def test_an_address_that_is_not_on_the_list_is_told_success(
    coolify: Coolify, api: Client, allowed: str, status: int
) -> None:
    coolify.world.allowed_ips = allowed
    answer = api.ask("GET", "/version")
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {"success": True, "message": "You are not allowed to access the API."}


def test_the_token_is_looked_at_before_the_switch_and_the_switch_before_the_ability(
    coolify: Coolify, client: Clients
) -> None:
    coolify.world.is_api_enabled = False
    assert client("wrong").ask("GET", "/version").status_code == 401
    assert client(coolify.add_token("deploy")).ask("GET", "/version").json()["message"] == "API is disabled."


def test_health_needs_neither_a_token_nor_the_switch(coolify: Coolify) -> None:
    coolify.world.is_api_enabled = False
    for path in ("/api/health", "/api/v1/health"):
        answer = requests.get(coolify.url + path, timeout=20)
        assert (answer.status_code, answer.text) == (200, "OK")
        assert answer.headers["Content-Type"].startswith("text/html")


def test_the_version_is_plain_text_under_the_type_of_html(coolify: Coolify, api: Client) -> None:
    answer = api.ask("GET", "/version")
    assert answer.text == "4.3.11"
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("coolify", "status"), [("4.1.2", 403), ("4.3.11", 403), ("4.0.0-beta.470", 400)], indirect=["coolify"]
)
def test_a_mere_member_may_read_and_not_deploy_since_there_are_roles(
    coolify: Coolify, client: Clients, status: int
) -> None:
    member = client(coolify.add_token("read", "deploy", role="member"))
    assert member.ask("GET", "/version").status_code == 200
    answer = member.ask("POST", "/deploy")
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {"message": "Missing required team role."}


def test_who_left_the_team_has_no_valid_token(coolify: Coolify, client: Clients) -> None:
    answer = client(coolify.add_token(role="left")).ask("GET", "/version")
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid token."})


def test_what_is_another_teams_is_not_there(coolify: Coolify, client: Clients) -> None:
    row = coolify.add_application()
    stranger = client(coolify.add_token(team=coolify.add_team("others")))
    assert stranger.get("/applications") == []
    assert stranger.ask("GET", f"/applications/{row.uuid}").json() == {"message": "Application not found."}
    assert stranger.ask("POST", "/deploy", {"uuid": row.uuid}).json() == {"message": "No resources found."}


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/applications"), ("GET", "/rollback")])
def test_no_route_is_404_with_the_documentation_and_never_405(api: Client, method: str, path: str) -> None:
    answer = api.ask(method, path)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not found.")
    assert "docs" in answer.json()


def test_200_requests_a_minute_are_a_users_and_not_a_tokens(coolify: Coolify, client: Clients) -> None:
    coolify.world.rate_limit = 3
    one, other = client(coolify.token), client(coolify.add_token("read"))
    assert [one.ask("GET", "/version").headers["X-RateLimit-Remaining"] for _ in range(2)] == ["2", "1"]
    assert other.ask("GET", "/version").status_code == 200
    answer = other.ask("GET", "/version")
    assert (answer.status_code, answer.json()) == (429, {"message": "Too Many Attempts."})
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    coolify.step(60)
    assert one.ask("GET", "/version").status_code == 200


def test_without_an_accept_header_errors_of_the_framework_are_pages(coolify: Coolify, api: Client) -> None:
    row = coolify.add_application()
    path = f"/deployments/applications/{row.uuid}"
    answer = api.ask("GET", path, params={"take": 0})
    assert (answer.status_code, answer.json()["message"]) == (422, "The take field must be at least 1.")
    assert api.ask("GET", path, params={"take": 0}, headers={"Accept": "*/*"}).status_code == 302
    coolify.world.rate_limit = 0
    answer = api.ask("GET", "/version", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (429, "text/html; charset=UTF-8")


def test_the_token_is_in_no_record_of_a_request(coolify: Coolify, api: Client) -> None:
    api.get("/applications")
    assert [each.headers["authorization"] for each in coolify.requests] == ["Bearer ***"]
    assert coolify.token not in repr(coolify.requests)
