"""`pre_flight`: each thing that can be wrong, with what mends it, and nothing changed by looking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import HealthCheck

from .deployer import Deployer
from .standin.coolify import Coolify
from .standin.world import Application

ABILITIES = ("read", "read:sensitive", "write", "deploy")


@pytest.fixture
def application(coolify: Coolify) -> Application:
    return coolify.add_application(health_check_enabled=True)


def checks(coolify: Coolify, application: Application, folder: Path) -> dict[str, bool]:
    return {name: check.passed for name, check in Deployer(coolify, application, folder).checks().items()}


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.1.2", "4.2.0", "4.3.0", "4.3.11"], indirect=True)
def test_everything_is_in_order(coolify: Coolify, application: Application, tmp_path: Path) -> None:
    coolify.put_in_service(application)
    found = checks(coolify, application, tmp_path)
    assert all(found.values())
    assert list(found) == [
        "coolify",
        "version",
        "ability deploy",
        "application",
        "ability write",
        "ability read:sensitive",
        "server",
        "version_by",
        "others",
        "health check",
    ]


@pytest.mark.parametrize("route", ["GET /health", "GET /version"])
def test_a_page_of_something_else_is_not_taken_for_coolify(
    coolify: Coolify, application: Application, tmp_path: Path, route: str
) -> None:
    coolify.fault(route, status=200, html=True, times=None)
    found = Deployer(coolify, application, tmp_path).checks()
    assert list(found) == ["coolify"]
    assert not found["coolify"].passed
    assert found["coolify"].detail.startswith("what answers is not Coolify's API: GET ")


@pytest.mark.parametrize("missing", ABILITIES)
@pytest.mark.parametrize("variables", [True, False])
def test_each_ability_that_is_missing_is_named(
    coolify: Coolify, application: Application, tmp_path: Path, missing: str, variables: bool
) -> None:
    if variables:
        Deployer(coolify, application, tmp_path, environment={"A": "b"}).deploy("1.0.0")
    coolify.put_in_service(application)
    coolify.token = coolify.add_token(*(each for each in ABILITIES if each != missing))
    found = Deployer(coolify, application, tmp_path).checks()
    (failed,) = [check for check in found.values() if not check.passed]
    assert f"lacks the ability {missing}" in failed.detail
    assert "tick deploy first" in failed.hint


def test_root_has_every_ability(coolify: Coolify, application: Application, tmp_path: Path) -> None:
    coolify.token = coolify.add_token("root")
    assert all(checks(coolify, application, tmp_path).values())


@pytest.mark.parametrize(
    ("name", "break_it", "detail"),
    [
        ("token", lambda coolify: coolify.expire(coolify.token), "wrong, expired or revoked"),
        ("api", lambda coolify: setattr(coolify.world, "is_api_enabled", False), "switched off"),
        ("api", lambda coolify: setattr(coolify.world, "allowed_ips", "203.0.113.1"), "allow list"),
        ("server", lambda coolify: setattr(coolify.server, "is_reachable", False), "does not reach web-1"),
        ("coolify", lambda coolify: coolify.fault("*", status=502, times=None), "starting, upgrading or down"),
    ],
)
def test_what_is_wrong_is_said_with_what_mends_it(
    coolify: Coolify,
    application: Application,
    tmp_path: Path,
    name: str,
    break_it: Callable[[Coolify], object],
    detail: str,
) -> None:
    break_it(coolify)
    (failed,) = [check for check in Deployer(coolify, application, tmp_path).checks().values() if not check.passed]
    assert failed.name == name
    assert detail in failed.detail
    assert failed.hint
    assert failed.required


def test_a_deployment_of_others_is_a_warning_with_its_link(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    coolify.pace.build = 3600
    coolify.deploy(application)
    check = Deployer(coolify, application, tmp_path).checks()["others"]
    assert (check.passed, check.required) == (False, False)
    assert f"{coolify.url}/project/" in check.detail


def test_no_health_check_at_all_is_a_warning(coolify: Coolify, tmp_path: Path) -> None:
    deployer = Deployer(coolify, coolify.add_application(), tmp_path)
    check = deployer.checks()["health check"]
    assert (check.passed, check.required) == (False, False)
    deployer.health_check = HealthCheck(tcp="127.0.0.1:9")
    assert deployer.checks()["health check"].passed


def test_looking_queues_nothing_and_changes_nothing(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    before = repr(application)
    checks(coolify, application, tmp_path)
    assert repr(application) == before
    assert coolify.world.deployments == []


def test_a_variable_that_is_not_there_yet_is_said(
    coolify: Coolify, application: Application, tmp_path: Path
) -> None:
    check = Deployer(coolify, application, tmp_path, version_by="env:TAG").checks()["version_by"]
    assert check.passed
    assert "no variable TAG yet" in check.detail


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.3.11"], indirect=True)
def test_a_service_is_looked_at_in_the_same_way(coolify: Coolify, tmp_path: Path) -> None:
    deployer = Deployer(coolify, coolify.add_service(), tmp_path)
    found = deployer.checks()
    assert [name for name, check in found.items() if not check.passed] == ["health check"]
    coolify.token = coolify.add_token("read", "read:sensitive", "deploy")
    found = Deployer(coolify, coolify.world.services[0], tmp_path).checks()
    assert "lacks the ability write" in next(check.detail for check in found.values() if not check.passed)
