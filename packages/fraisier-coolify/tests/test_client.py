"""The client: what it repeats and what never, its deadlines, what a refusal means, and that no token is seen."""

from __future__ import annotations

import io
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Secret
from fraisier_coolify.api import CoolifyClient
from fraisier_coolify.budget import Budget
from fraisier_coolify.errors import MEANINGS, CoolifyError

from .deployer import Deployer
from .standin.certificate import Certificate
from .standin.coolify import Coolify


@pytest.fixture
def client(coolify: Coolify) -> Iterator[CoolifyClient]:
    with closing(CoolifyClient(coolify.url, Secret(coolify.token), pause=0.001)) as client:
        yield client


def failure_of(ask: Callable[[], object]) -> CoolifyError:
    with pytest.raises(CoolifyError) as raised:
        ask()
    return raised.value


def test_a_version_is_plain_text_and_asked_once(coolify: Coolify, client: CoolifyClient) -> None:
    assert client.version().text == client.version().text == "4.3.11"
    assert len(coolify.asked("GET /version")) == 1


def test_every_request_wants_json(coolify: Coolify, client: CoolifyClient) -> None:
    client.list("/applications")
    failure_of(lambda: client.patch(f"/applications/{coolify.add_application().uuid}", {}))
    assert {each.headers["accept"] for each in coolify.requests} == {"application/json"}
    assert coolify.requests[-1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502},
        {"status": 503},
        {"status": 429, "retry_after": 0},
        {"cut": True},
        {"lost": True},
        {"status": 500},
        {"html": True, "status": 404},
    ],
)
def test_a_question_is_repeated(coolify: Coolify, client: CoolifyClient, fault: dict[str, Any]) -> None:
    coolify.fault("GET /projects", times=2, **fault)
    assert [each["name"] for each in client.list("/projects")] == ["shop"]
    assert len(coolify.asked("GET /projects")) == 3


@pytest.mark.parametrize(
    "fault", [{"status": 502, "done": True}, {"status": 500}, {"cut": True}, {"lost": True}, {"refused": True}]
)
def test_what_may_have_been_done_is_never_repeated_blindly(
    coolify: Coolify, client: CoolifyClient, fault: dict[str, Any]
) -> None:
    uuid = coolify.add_application().uuid
    coolify.fault("POST /deploy", times=None, **fault)
    assert failure_of(lambda: client.post("/deploy", {"uuid": uuid})).perhaps_done
    assert len(coolify.asked("POST /deploy")) == 1


def test_what_was_turned_away_is_asked_again(coolify: Coolify, client: CoolifyClient) -> None:
    said: list[str] = []
    client.tell = said.append
    coolify.fault("POST /deploy", status=429, retry_after=1)
    assert client.post("/deploy", {"uuid": coolify.add_application().uuid})["deployments"]
    assert "trying again in 1 s" in said[0]


def test_a_wait_that_is_longer_than_there_is_patience_for_is_not_begun(
    coolify: Coolify, client: CoolifyClient
) -> None:
    coolify.fault("GET /projects", status=429, retry_after=3600)
    assert failure_of(lambda: client.get("/projects")).retry_after == 3600


def test_a_question_is_not_repeated_for_ever(coolify: Coolify, client: CoolifyClient) -> None:
    coolify.fault("GET /projects", status=502, times=None)
    error = failure_of(lambda: client.list("/projects"))
    assert (error.code, error.words) == ("unavailable", "Bad Gateway")
    assert client.requests == len(coolify.asked("GET /projects")) == 4


def test_an_answer_has_a_deadline(coolify: Coolify) -> None:
    coolify.fault("GET /projects", slow=30.0, times=None)
    with closing(CoolifyClient(coolify.url, Secret(coolify.token), read_seconds=0.2, pause=0.001)) as client:
        error = failure_of(lambda: client.get("/projects"))
    assert error.code == "lost"
    assert "within 0.2 s" in error.message


def test_a_server_that_says_nothing_has_a_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(CoolifyClient(url, Secret("3|abc"), pause=0.001)) as client, client.hurried(0.3):
            assert failure_of(lambda: client.get("/version")).code == "lost"


def test_a_server_that_is_not_there_is_said() -> None:
    with closing(CoolifyClient("http://127.0.0.1:9", Secret("3|abc"), pause=0.001)) as client:
        error = failure_of(lambda: client.get("/version"))
    assert error.code == "unreachable"
    assert not error.perhaps_done


def test_a_redirect_is_not_followed_with_the_token(coolify: Coolify, client: CoolifyClient) -> None:
    with Coolify() as other:
        coolify.fault("GET /projects", redirect=other.url)
        error = failure_of(lambda: client.list("/projects"))
        assert other.requests == []
    assert error.code == "redirect"
    assert other.url in error.message


@pytest.mark.parametrize(
    ("set_up", "code"),
    [
        (lambda coolify: setattr(coolify.world, "is_api_enabled", False), "api_disabled"),
        (lambda coolify: setattr(coolify.world, "allowed_ips", "203.0.113.1"), "ip_not_allowed"),
        (lambda coolify: coolify.expire(coolify.token), "unauthenticated"),
        (lambda coolify: coolify.fault("GET /projects", status=401), "unauthenticated"),
        (lambda coolify: coolify.fault("GET /projects", status=403), "forbidden"),
        (lambda coolify: coolify.fault("GET /projects", status=404), "unknown_route"),
        (lambda coolify: coolify.fault("GET /projects", status=409), "conflict"),
        (lambda coolify: coolify.fault("GET /projects", status=422), "invalid"),
        (lambda coolify: coolify.fault("GET /projects", status=400, message="No."), "refused"),
        (lambda coolify: coolify.fault("GET /projects", status=429, times=None), "rate_limited"),
        (lambda coolify: coolify.fault("GET /projects", status=500, times=None), "server_error"),
        (lambda coolify: coolify.fault("GET /projects", status=504, times=None), "unavailable"),
        (lambda coolify: coolify.fault("GET /projects", status=404, html=True, times=None), "not_coolify"),
    ],
)
def test_a_refusal_says_what_it_likely_means(
    coolify: Coolify, client: CoolifyClient, set_up: Callable[[Coolify], object], code: str
) -> None:
    set_up(coolify)
    error = failure_of(lambda: client.list("/projects"))
    assert error.code == code
    assert error.message.startswith(MEANINGS[code].cause)
    assert error.hint == MEANINGS[code].hint
    assert error.command == f"GET {coolify.url}/api/v1/projects"


def test_a_refusal_names_the_ability_that_is_missing(coolify: Coolify) -> None:
    token = coolify.add_token("read")
    with closing(CoolifyClient(coolify.url, Secret(token))) as client:
        error = failure_of(lambda: client.post("/deploy", {}))
    assert error.code == "ability"
    assert error.message.startswith("the token lacks the ability deploy: POST ")


@pytest.mark.parametrize("coolify", ["4.1.2", "4.3.11"], indirect=True)
@pytest.mark.parametrize(("role", "code"), [("member", "role"), ("left", "unauthenticated")])
def test_the_role_of_the_token_s_owner_counts(coolify: Coolify, role: Any, code: str) -> None:
    token = coolify.add_token(role=role)
    with closing(CoolifyClient(coolify.url, Secret(token))) as client:
        assert failure_of(lambda: client.post("/deploy", {})).code == code


def test_something_of_another_team_is_not_found(coolify: Coolify, client: CoolifyClient) -> None:
    other = coolify.add_application(team=coolify.add_team("other"))
    assert failure_of(lambda: client.object(f"/applications/{other.uuid}")).code == "not_found"


def test_requests_stay_within_the_budget(coolify: Coolify) -> None:
    with closing(CoolifyClient(coolify.url, Secret(coolify.token), budget=Budget(3, period=0.3))) as client:
        for _ in range(7):
            client.get("/version")
    moments = [request.at for request in coolify.requests]
    assert all(later - earlier > 0.2 for earlier, later in zip(moments, moments[3:], strict=False))


def test_the_server_s_clock_is_the_one_that_counts(coolify: Coolify, client: CoolifyClient) -> None:
    coolify.clock.skew = -7200
    client.version()
    assert abs((client.now - coolify.clock.moment()).total_seconds()) < 5


def test_a_private_certificate_is_trusted_by_its_authority_and_by_nothing_else(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with Coolify(certificate=certificate) as coolify:
        application = coolify.add_application()
        deployer = Deployer(coolify, application, tmp_path)
        check = deployer.checks()["coolify"]
        assert not check.passed
        assert "ca_bundle" in check.hint
        assert all(request.token is None for request in coolify.requests)
        deployer.options["ca_bundle"] = certificate.ca.name
        assert deployer.checks()["coolify"].passed


def test_a_bundle_that_is_not_there_is_said(coolify: Coolify, tmp_path: Path) -> None:
    deployer = Deployer(coolify, coolify.add_application(), tmp_path, ca_bundle="nowhere.pem")
    with pytest.raises(ConfigError, match="there is no file"):
        deployer.status()


@pytest.mark.parametrize(
    "fault", [{"lost": True}, {"cut": True}, {"slow": 5.0}, {"status": 401}, {"status": 500, "html": True}]
)
def test_the_token_is_in_no_error_and_no_log(
    coolify: Coolify, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    coolify.fault("GET /projects", times=None, **fault)
    with closing(CoolifyClient(coolify.url, Secret(coolify.token), read_seconds=0.1, pause=0.001)) as client:
        with client.hurried(0.3):
            error = failure_of(lambda: client.get("/projects"))
        shown = io.StringIO()
        chained: BaseException | None = error
        while chained is not None:
            traceback.print_exception(chained, file=shown)
            assert getattr(chained, "request", None) is None, "an exception of requests holds the headers"
            chained = chained.__context__
        assert coolify.token not in f"{shown.getvalue()} {error!r} {client!r} {vars(client)!r} {caplog.text}"
