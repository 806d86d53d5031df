"""Faults of what is no plain deployment: stacks, going back, and making an application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import MESSAGE, Site, real
from .standin.coolify import Coolify
from .standin.world import Application, Service

MakeSite = Callable[[Application | Service], Site]
CREATE = {"project": "shop", "image": "ghcr.io/acme/new", "ports": [80]}


@pytest.mark.parametrize(("version", "found"), [("9.9.9", "want '9.9.9' in it"), ("broken", "got 503")])
def test_a_stack_whose_start_nobody_tells_of_is_rolled_back_by_what_answers(
    coolify: Coolify, make_site: MakeSite, version: str, found: str
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


@pytest.mark.parametrize(
    ("route", "what"),
    [
        ("POST /deploy", {"lost": True}),
        ("POST /deploy", {"status": 500, "done": True}),
        ("POST /deploy", {"status": 502}),
        ("POST /deploy", {"slow": 3}),
        ("GET /services/{uuid}", {"status": 502}),
        ("GET /services/{uuid}", {"cut": True}),
        ("PATCH /services/{uuid}/envs/bulk", {"lost": True}),
        ("PATCH /services/{uuid}/envs/bulk", {"status": 500, "done": True}),
    ],
)
def test_a_stack_starts_whatever_becomes_of_an_answer(
    coolify: Coolify, make_site: MakeSite, route: str, what: dict[str, Any]
) -> None:
    site = make_site(coolify.add_service())
    site.options["request_timeout"] = 2
    site.deploy("1.0.0")
    fault = coolify.fault(route, when=real, **what)
    site.deploy("1.1.0")
    assert fault.hits == 1
    assert site.serves() == "1.1.0"
    assert site.history()[0] == ("1.1.0", "success")


@pytest.mark.parametrize(
    ("route", "what", "message"),
    [
        ("PATCH /services/{uuid}/envs/bulk", {"status": 422}, "The name field is invalid."),
        ("PATCH /services/{uuid}/envs/bulk", {"status": 403}, "may not do this"),
        ("POST /deploy", {"status": 403}, "may not do this"),
        ("POST /deploy", {"status": 500}, "Coolify failed: POST"),
    ],
)
def test_a_stack_that_was_not_started_has_the_version_set_that_runs(
    coolify: Coolify,
    make_site: MakeSite,
    route: str,
    what: dict[str, Any],
    message: str,
) -> None:
    stack = coolify.add_service()
    site = make_site(stack)
    site.deploy("1.0.0")
    fault = coolify.fault(route, when=real, times=None, **what)
    (said,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    fault.end()
    assert message in said
    assert site.history()[0] == ("1.1.0", "failed")
    assert {each.value for each in stack.variables if each.key == "TAG"} == {"1.0.0"}
    assert site.serves() == "1.0.0"
    assert site.look("status")[0]["version"] == "1.0.0"


@pytest.mark.parametrize(
    "what",
    [{"lost": True}, {"cut": True}, {"status": 502}, {"status": 500, "done": True}, {"slow": 2.2, "lost": True}],
    ids=str,
)
def test_going_back_is_queued_once_whatever_becomes_of_the_answer(
    coolify: Coolify, make_site: MakeSite, what: dict[str, Any]
) -> None:
    application = coolify.add_application("nixpacks")
    site = make_site(application)
    # A deployment whose answer is lost is looked for three times: here longer than a slow server takes.
    site.options |= {"request_timeout": 2, "poll_interval": 0.75}
    first, second = (coolify.version_of(application, name) for name in ("1.0.0", "1.1.0"))
    for version in (first, second):
        site.deploy(version)
    fault = coolify.fault("POST /applications/{uuid}/rollback", **what)
    site.fraisier("rollback", "shop", "production")
    assert fault.hits == 1
    assert site.serves() == first
    assert [(row.status, row.rollback) for row in coolify.world.deployments] == [
        ("finished", False),
        ("finished", False),
        ("finished", True),
    ]
    assert site.look("status")[0]["revision"] == first


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ({"status": 409}, 6, "Domain conflicts detected."),
        ({"status": 422}, 6, "The name field is invalid."),
        ({"status": 500}, 6, "Coolify failed: POST"),
    ],
)
def test_an_application_that_cannot_be_made_is_not_deployed(
    site: Site, what: dict[str, Any], code: int, message: str
) -> None:
    site.options |= {
        "application": "new-api",
        "create": {"project": "shop", "image": "ghcr.io/acme/new", "ports": [80]},
    }
    fault = site.coolify.fault("POST /applications/dockerimage", times=None, **what)
    (said,) = MESSAGE.findall(site.deploy("1.0.0", code=code))
    fault.end()
    assert message in said
    assert site.history() == [("1.0.0", "failed")]
    assert len(site.coolify.world.applications) == 1


def test_an_application_whose_making_was_not_answered_is_made_once(site: Site) -> None:
    site.options |= {
        "application": "new-api",
        "create": {"project": "shop", "image": "ghcr.io/acme/new", "ports": [80]},
    }
    site.health_check = {"url": site.url}
    site.coolify.world.registry.push("ghcr.io/acme/new", "1.0.0")
    site.coolify.fault("POST /applications/dockerimage", lost=True)
    site.deploy("1.0.0")
    assert [each.name for each in site.coolify.world.applications] == ["shop-api", "new-api"]
