"""What goes wrong between fraisier and Coolify ends in one clear message, nothing lost, the truth in history."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .conftest import MESSAGE, Site
from .standin.certificate import Certificate
from .standin.coolify import Coolify
from .standin.request import Request
from .standin.world import Application, Service

FULL = "Deployment queue is full. Please wait for existing deployments to complete."
ROW = "GET /deployments/{uuid}"
ROWS = "GET /deployments/applications/{uuid}"
APPLICATION = "GET /applications/{uuid}"
SET = "PATCH /applications/{uuid}"


def real(request: Request) -> bool:
    """Tell a change or a deployment from a question about what the token may do, which sends nothing."""
    return request.body != b"{}"


def nothing_is_lost(site: Site, *, old: str = "1.0.0") -> None:
    """Hold a site, after a deployment of 1.1.0 came to nothing, to what has to be true; then deploy it."""
    rows = [row for row in site.coolify.world.deployments if not row.pull_request_id]
    assert not [row for row in rows if row.is_open], "a deployment of ours still waits or runs"
    assert site.serves() == old
    assert site.columns["docker_registry_image_tag"] == old
    (told,) = site.look("status")
    assert (told["state"], told["version"]) == ("running", old)
    site.deploy("1.1.0")
    assert site.serves() == "1.1.0"
    assert site.history()[0] == ("1.1.0", "success")


@pytest.mark.parametrize(
    ("route", "what"),
    [
        ("GET /health", {"status": 502}),
        ("GET /version", {"status": 503}),
        (APPLICATION, {"status": 500}),
        (APPLICATION, {"status": 429, "retry_after": 1}),
        (APPLICATION, {"cut": True}),
        (ROWS, {"status": 502}),
        (ROWS, {"refused": True}),
        (ROW, {"status": 502, "times": 2}),
        (ROW, {"status": 500, "html": True}),
        (ROW, {"status": 429, "retry_after": 1}),
        (ROW, {"cut": True}),
        (ROW, {"lost": True}),
        (ROW, {"slow": 0.5}),
        (SET, {"status": 500}),
        (SET, {"status": 502, "done": True}),
        (SET, {"lost": True}),
        ("POST /deploy", {"status": 429, "message": FULL, "retry_after": 1}),
        ("POST /deploy", {"status": 502}),
        ("POST /deploy", {"status": 500, "done": True}),
        ("POST /deploy", {"cut": True}),
        ("POST /deploy", {"lost": True}),
        ("POST /deploy", {"refused": True}),
        ("POST /deploy", {"slow": 3, "lost": True}),
    ],
)
def test_what_passes_by_itself_is_waited_out_and_nothing_is_deployed_twice(
    site: Site, route: str, what: dict[str, Any]
) -> None:
    site.options["request_timeout"] = 2
    fault = site.coolify.fault(route, when=real, **what)
    site.deploy("1.1.0")
    assert fault.hits > 0
    assert site.serves() == "1.1.0"
    assert site.history() == [("1.1.0", "success")]
    assert [row.status for row in site.coolify.world.deployments] == ["finished", "finished"]


class Refused(NamedTuple):
    """A fault that lasts, the exit code, and what the message says about it."""

    route: str
    what: dict[str, Any]
    code: int
    message: str


@pytest.mark.parametrize(
    "refused",
    [
        Refused("*", {"status": 401}, 5, "the token is wrong, expired or revoked"),
        Refused("*", {"status": 403, "message": "API is disabled."}, 5, "the API is switched off"),
        Refused(APPLICATION, {"status": 404}, 5, "does not have that part of the API"),
        Refused("*", {"status": 429, "retry_after": 3600}, 5, "too many requests within a minute"),
        Refused("*", {"status": 200, "html": True}, 5, "what answers is not Coolify's API: GET"),
        Refused("*", {"status": 404, "html": True}, 5, "what answers is not Coolify's API: GET"),
        Refused("*", {"status": 502}, 5, "Coolify does not answer its proxy"),
        Refused(APPLICATION, {"status": 500}, 5, "Coolify failed: GET"),
        Refused("*", {"refused": True}, 5, "the answer did not come to its end"),
        Refused("GET /version", {"slow": 3600}, 5, "not within 1 s"),
        Refused(SET, {"status": 403}, 6, "may not do this"),
        Refused(SET, {"status": 409}, 6, "Domain conflicts detected."),
        Refused(SET, {"status": 422}, 6, "The name field is invalid."),
        Refused(SET, {"status": 500}, 6, "Coolify failed: PATCH"),
        Refused("POST /deploy", {"status": 401}, 6, "the token is wrong, expired or revoked"),
        Refused("POST /deploy", {"status": 403}, 6, "may not do this"),
        Refused("POST /deploy", {"status": 404}, 6, "does not have that part of the API"),
        Refused("POST /deploy", {"status": 500}, 6, "Coolify failed: POST"),
        Refused("POST /deploy", {"status": 429, "message": FULL, "retry_after": 60}, 6, "is full"),
    ],
    ids=lambda refused: f"{refused.route}: {refused.message}",
)
def test_what_lasts_ends_with_its_cause_and_changes_nothing(site: Site, refused: Refused) -> None:
    site.options |= {"request_timeout": 1, "timeout": 5}
    fault = site.coolify.fault(refused.route, when=real, times=None, **refused.what)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=refused.code))
    fault.end()
    assert refused.message in message
    assert site.history() == [("1.1.0", "failed")]
    nothing_is_lost(site)


@pytest.mark.parametrize("lacking", ["read", "read:sensitive", "write", "deploy"])
def test_an_ability_that_the_token_lacks_is_named_before_anything_changes(site: Site, lacking: str) -> None:
    token, all_of_them = site.token, ("read", "read:sensitive", "write", "deploy")
    site.token = site.coolify.add_token(*(each for each in all_of_them if each != lacking))
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
    assert f"the token lacks the ability {lacking}" in message
    site.token = token
    nothing_is_lost(site)


def switched_off(coolify: Coolify) -> None:
    coolify.world.is_api_enabled = False


def not_listed(coolify: Coolify) -> None:
    coolify.world.allowed_ips = "10.0.0.0/8"


def expired(coolify: Coolify) -> None:
    coolify.expire(coolify.token)


def unreachable(coolify: Coolify) -> None:
    coolify.server.is_reachable = False


def deleted(coolify: Coolify) -> None:
    coolify.world.applications.clear()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (switched_off, "the API is switched off"),
        (not_listed, "this machine's address is not on the API's allow list"),
        (expired, "the token is wrong, expired or revoked"),
        (unreachable, "Coolify does not reach web-1"),
        (deleted, "the team of this token has no application"),
    ],
)
def test_what_is_not_ready_is_told_before_anything_changes(
    site: Site, change: Callable[[Coolify], None], message: str
) -> None:
    change(site.coolify)
    (said,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
    assert message in said
    assert site.history() == [("1.1.0", "failed")]
    assert len(site.coolify.world.deployments) == 1


def test_a_tag_that_is_not_there_ends_with_the_words_of_the_registry(site: Site) -> None:
    pace, clock, looks = site.coolify.pace, site.coolify.clock, count(1)

    def seen(_: Request) -> bool:
        """Let it fail for the second look, and write why only for the third."""
        clock.step({2: pace.pick_up + pace.resolve + pace.build, 3: pace.tail}.get(next(looks), 0))
        return False

    clock.hold()
    site.coolify.fault(ROW, when=seen, times=None)
    (message,) = MESSAGE.findall(site.deploy("9.9.9", code=6))
    assert "the deployment failed" in message
    (told, *_) = site.look("history")
    assert "manifest unknown" in "\n".join(told["error"]["log"])
    clock.go_on()
    nothing_is_lost(site)


def test_what_is_not_healthy_never_replaces_the_old_version_where_coolify_looks(site: Site) -> None:
    site.columns["health_check_enabled"] = True
    (message,) = MESSAGE.findall(site.deploy("broken", code=6))
    assert "the deployment failed" in message
    nothing_is_lost(site)


def test_what_is_broken_is_rolled_back_where_coolify_does_not_look(site: Site) -> None:
    (message,) = MESSAGE.findall(site.deploy("broken", code=8))
    assert "got 503" in message
    assert site.history() == [("broken", "rolled_back")]
    nothing_is_lost(site)


def test_coolify_restarts_in_the_middle(site: Site) -> None:
    site.coolify.pace.build = 3600
    site.coolify.fault(ROW, restart=True)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment failed" in message
    assert site.history() == [("1.1.0", "failed")]
    site.coolify.pace.build = 0
    nothing_is_lost(site)


@pytest.mark.parametrize("coolify", ["4.1.2", "4.3.0", "4.3.11"], indirect=True)
def test_what_takes_too_long_is_cancelled_whatever_the_answer(site: Site) -> None:
    site.options["timeout"] = 0.5
    site.coolify.pace.build = 3600
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "has not ended after 0.5 s" in message
    assert [row.status for row in site.coolify.world.deployments] == ["finished", "cancelled-by-user"]
    site.options["timeout"] = 60
    site.coolify.pace.build = 0
    nothing_is_lost(site)


def test_a_full_queue_is_waited_for_as_long_as_there_is_time(site: Site) -> None:
    site.options["timeout"] = 5
    site.coolify.fill_queue()
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment queue of the server is full" in message
    site.coolify.empty_queue()
    nothing_is_lost(site)


def test_somebody_cancels_it_in_coolify(site: Site) -> None:
    def cancelled(_: Request) -> bool:
        for row in site.coolify.world.deployments:
            row.status = "cancelled-by-user" if row.is_open else row.status
        return False

    site.coolify.pace.build = 3600
    site.coolify.fault(ROW, when=cancelled, times=None)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment was cancelled" in message
    site.coolify.pace.build = 0
    nothing_is_lost(site)


def test_coolify_is_gone_for_good_in_the_middle(site: Site) -> None:
    def under_way(_: Request) -> bool:
        return any(row.is_open for row in site.coolify.world.deployments)

    site.options |= {"timeout": 3, "request_timeout": 1}
    site.coolify.pace.build = 3600
    fault = site.coolify.fault("*", status=502, times=None, when=under_way)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=9))
    assert "Coolify does not answer its proxy" in message
    assert "could not be put back" in message
    fault.end()
    assert site.history() == [("1.1.0", "failed")]
    # Coolify goes on with what nobody could cancel, and tells so itself.
    assert site.look("status")[0]["state"] == "deploying"
    site.coolify.step(3600)
    assert site.serves() == "1.1.0"
    (told,) = site.look("status")
    assert (told["state"], told["version"]) == ("running", "1.1.0")
    site.deploy("1.1.0")
    assert site.history()[0] == ("1.1.0", "unchanged")


def test_another_deployment_from_the_web_interface_is_waited_for(site: Site) -> None:
    def seen(_: Request) -> bool:
        """Let it end when ours has seen it: in pre-flight, by status, and before its turn."""
        if len(site.coolify.asked(ROWS)) == 10:
            site.coolify.clock.step(3600)
            site.coolify.pace.build = 0
        return False

    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0])
    site.coolify.fault(ROWS, when=seen, times=None)
    said = site.deploy("1.1.0")
    assert "waiting for a deployment that began before" in said
    assert [row.status for row in site.coolify.world.deployments] == ["finished"] * 3
    assert site.serves() == "1.1.0"


def test_another_deployment_over_the_api_keeps_ours_out(site: Site) -> None:
    site.options["timeout"] = 5
    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0], is_api=True)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=4))
    assert "is being deployed by another client of Coolify's API" in message
    site.coolify.step(3600)
    site.coolify.pace.build = 0
    nothing_is_lost(site)


def test_a_preview_that_is_deployed_is_nobody_in_the_way(site: Site) -> None:
    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0], is_api=True, pull_request_id=7)
    site.coolify.pace.build = 0
    nothing_is_lost(site)


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_the_clock_of_the_server_is_wrong_by_a_day(site: Site, skew: int) -> None:
    site.coolify.clock.skew = skew
    nothing_is_lost(site)


def test_a_redirect_is_named_and_not_followed_with_the_token(site: Site) -> None:
    with Coolify() as other:
        site.coolify.fault("*", redirect=other.url, times=None)
        (message,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
        assert other.requests == []
    assert "the address answers with a redirect" in message
    assert other.url in message


def test_a_certificate_of_an_unknown_authority_is_refused_until_ca_bundle_names_it(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with Coolify(certificate=certificate) as coolify:
        application = coolify.add_application()
        site = Site(coolify, application, tmp_path)
        (message,) = MESSAGE.findall(site.deploy("1.0.0", code=5))
        assert "there is no TLS connection that can be trusted" in message
        assert "ca_bundle" in message
        site.options["ca_bundle"] = "ca.pem"
        site.deploy("1.0.0")
        assert site.serves() == "1.0.0"


def test_coolify_is_not_there(site: Site) -> None:
    site.options["url"] = "http://127.0.0.1:9"
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
    assert "Coolify cannot be reached" in message
    assert site.history() == [("1.1.0", "failed")]
    site.options["url"] = site.coolify.url
    nothing_is_lost(site)


def until(process: subprocess.Popen[str], begun: str) -> None:
    """Read what a command line says until a line begins so."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(begun):
            return
    pytest.fail(f"it ended without {begun!r}: {said}")


@pytest.mark.slow
@pytest.mark.parametrize("coolify", ["4.3.0", "4.3.11"], indirect=True)
def test_ctrl_c_cancels_the_deployment_and_puts_the_version_back(site: Site) -> None:
    site.coolify.pace.build = 3600
    with site.running("deploy", "shop", "production", "--version", "1.1.0") as process:
        until(process, "deploy ...")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert [row.status for row in site.coolify.world.deployments] == ["finished", "cancelled-by-user"]
    assert site.history() == [("1.1.0", "interrupted")]
    site.coolify.pace.build = 0
    nothing_is_lost(site)


@pytest.mark.slow
def test_killed_in_the_middle_the_next_run_tells_the_truth_and_goes_on(site: Site) -> None:
    site.coolify.pace.build = 3600
    with site.running("deploy", "shop", "production", "--version", "1.1.0") as process:
        until(process, "deploy ...")
        process.kill()
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=4))
    assert "is being deployed by another client of Coolify's API" in message
    assert ("1.1.0", "interrupted") in site.history()
    site.coolify.step(3600)
    site.coolify.pace.build = 0
    site.deploy("1.1.0")
    assert site.serves() == "1.1.0"
    assert "running" not in [status for _, status in site.history()]


@pytest.mark.parametrize(("version", "found"), [("9.9.9", "want '9.9.9' in it"), ("broken", "got 503")])
def test_a_stack_whose_start_nobody_tells_of_is_rolled_back_by_what_answers(
    coolify: Coolify, make_site: Callable[[Application | Service], Site], version: str, found: str
) -> None:
    site = make_site(coolify.add_service())
    site.deploy("1.0.0")
    (message,) = MESSAGE.findall(site.deploy(version, code=8))
    assert found in message
    assert site.history() == [(version, "rolled_back"), ("1.0.0", "success")]
    coolify.step(3600)
    assert site.serves() == "1.0.0"
    site.deploy("1.1.0")
    assert site.serves() == "1.1.0"
