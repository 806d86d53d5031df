"""What is not ready for a deployment is told before anything changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import MESSAGE, Site
from .standin.coolify import Coolify


@pytest.mark.parametrize("lacking", ["read", "read:sensitive", "write", "deploy"])
def test_an_ability_that_the_token_lacks_is_named_before_anything_changes(site: Site, lacking: str) -> None:
    token, all_of_them = site.token, ("read", "read:sensitive", "write", "deploy")
    site.token = site.coolify.add_token(*(each for each in all_of_them if each != lacking))
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=5))
    assert f"the token lacks the ability {lacking}" in message
    site.token = token
    site.is_unharmed()


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
