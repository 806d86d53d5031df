"""How many requests a deployment takes, and which: a user has 200 a minute for all that he does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from .conftest import Site, real
from .standin.coolify import Coolify
from .standin.versions import OFFERED
from .standin.world import Application, Service

MakeSite = Callable[[Application | Service], Site]


def counted(coolify: Coolify) -> Counter[str]:
    """Return how often each route was asked, without the questions that send nothing."""
    return Counter(each.route for each in coolify.requests if real(each))


@pytest.mark.parametrize("coolify", OFFERED, indirect=True)
def test_a_deployment_takes_few_requests_besides_the_looks_at_it(site: Site) -> None:
    said = site.deploy("1.1.0")
    found = re.search(r"(\d+) requests to Coolify in all, (\d+) of them to follow the deployment", said)
    assert found is not None
    told, looks = int(found[1]), int(found[2])
    # What core asks after the deployment, about its health, is told by nobody.
    assert told <= len(site.coolify.requests) <= told + 4
    assert len(site.coolify.requests) - looks <= 22
    assert counted(site.coolify)["POST /deploy"] == 1
    assert counted(site.coolify)["PATCH /applications/{uuid}"] == 1


def test_following_takes_one_request_for_each_poll_interval(site: Site) -> None:
    site.coolify.pace.build = 3600
    looks = []

    def ends_with_the_tenth(_: object) -> bool:
        looks.append(1)
        if len(looks) == 10:
            site.coolify.clock.step(3600)
        return False

    site.coolify.fault("GET /deployments/{uuid}", when=ends_with_the_tenth, times=None)
    site.deploy("1.1.0")
    assert len(looks) in (10, 11)


def test_the_same_again_takes_no_deployment_and_sets_nothing(site: Site) -> None:
    site.deploy("1.1.0")
    site.coolify.requests.clear()
    site.deploy("1.1.0")
    assert {route for route in counted(site.coolify) if not route.startswith("GET ")} == set()
    assert len(site.coolify.requests) <= 15


def test_a_stack_takes_few_requests_too(coolify: Coolify, make_site: MakeSite) -> None:
    site = make_site(coolify.add_service())
    site.deploy("1.0.0")
    assert counted(coolify)["POST /deploy"] == 1
    assert len(coolify.requests) <= 30
