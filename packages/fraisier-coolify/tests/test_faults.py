"""Faults of the connection and of answers end in one clear message, nothing lost, the truth in history."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .conftest import MESSAGE, Site, real
from .standin.certificate import Certificate
from .standin.coolify import Coolify

FULL = "Deployment queue is full. Please wait for existing deployments to complete."
ROW = "GET /deployments/{uuid}"
ROWS = "GET /deployments/applications/{uuid}"
APPLICATION = "GET /applications/{uuid}"
SET = "PATCH /applications/{uuid}"


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
        ("POST /deploy", {"slow": 1}),
    ],
)
def test_what_passes_by_itself_is_waited_out_and_nothing_is_deployed_twice(
    site: Site, route: str, what: dict[str, Any]
) -> None:
    site.options["request_timeout"] = 2
    # Slow enough to be followed by several looks.
    site.coolify.clock.hold()
    site.coolify.pace.request = site.coolify.pace.build
    site.coolify.pace.build *= 5
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
    site.is_unharmed()


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_the_clock_of_the_server_is_wrong_by_a_day(site: Site, skew: int) -> None:
    site.coolify.clock.skew = skew
    site.is_unharmed()


def test_a_redirect_is_named_and_not_followed_with_the_token(site: Site) -> None:
    with Coolify() as other:
        site.coolify.fault("*", redirect=other.url, times=None)
        (message,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
        assert other.requests == []
    assert "the address answers with a redirect" in message
    assert other.url in message


def test_a_certificate_of_an_unknown_authority_is_refused_until_ca_bundle_names_it(
    certificate: Certificate, tmp_path: Path
) -> None:
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
    site.is_unharmed()
