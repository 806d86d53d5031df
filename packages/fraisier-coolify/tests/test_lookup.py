"""Finding what `fraises.yaml` names: by uuid, name or address, in a project or not, and never by guess."""

from __future__ import annotations

from pathlib import Path

import pytest
from fraisier import TargetError

from .deployer import Deployer
from .standin.coolify import Coolify


@pytest.fixture
def deployer(coolify: Coolify, tmp_path: Path) -> Deployer:
    return Deployer(coolify, None, tmp_path)


def found(deployer: Deployer, **named: object) -> object:
    deployer.options |= named
    details = deployer.status().details
    return details.get("application") or details.get("service")


def test_an_application_is_found_by_its_uuid_with_one_question(coolify: Coolify, deployer: Deployer) -> None:
    application = coolify.add_application()
    assert found(deployer, application=application.uuid) == application.uuid
    assert coolify.asked("GET /applications") == []


@pytest.mark.parametrize("name", ["shop-api", "shopapi", "Shop API (new)", "a/b?c#d"])
def test_an_application_is_found_by_its_name(coolify: Coolify, deployer: Deployer, name: str) -> None:
    coolify.add_application(name="another")
    application = coolify.add_application(name=name)
    assert found(deployer, application=name) == application.uuid


def test_an_application_is_found_by_one_of_its_addresses(coolify: Coolify, deployer: Deployer) -> None:
    application = coolify.add_application()
    application.columns["fqdn"] = "https://Shop.example.org,https://www.shop.example.org/"
    assert found(deployer, application="shop.example.org") == application.uuid
    assert found(deployer, application="https://www.shop.example.org") == application.uuid


def test_a_name_that_is_there_twice_lists_both(coolify: Coolify, deployer: Deployer) -> None:
    both = [coolify.add_application(name="twin"), coolify.add_application(name="twin")]
    with pytest.raises(TargetError) as raised:
        found(deployer, application="twin")
    assert all(each.uuid in raised.value.message for each in both)
    assert "project and environment" in raised.value.hint
    check = deployer.checks()["coolify"]
    assert not check.passed


def test_project_and_environment_tell_two_of_a_name_apart(coolify: Coolify, deployer: Deployer) -> None:
    project = coolify.add_project("blog", "staging", "production")
    coolify.add_application(name="twin")
    staging = coolify.add_application(name="twin", project=project, environment="staging")
    production = coolify.add_application(name="twin", project=project, environment="production")
    for environment, application in (("staging", staging), ("production", production)):
        named = {"name": "twin", "project": "blog", "environment": environment}
        assert found(deployer, application=named) == application.uuid
    assert found(deployer, application={"name": "twin", "project": coolify.project.uuid}) is not None
    with pytest.raises(TargetError, match="2 applications"):
        found(deployer, application={"name": "twin", "project": "blog"})


def test_a_project_that_is_not_there_lists_those_that_are(coolify: Coolify, deployer: Deployer) -> None:
    with pytest.raises(TargetError) as raised:
        found(deployer, application={"name": "twin", "project": "blgo"})
    assert "shop" in raised.value.hint


def test_a_name_that_is_not_there_lists_those_that_are(coolify: Coolify, deployer: Deployer) -> None:
    coolify.add_application(name="shop-api")
    with pytest.raises(TargetError, match='no application "shop-ap"') as raised:
        found(deployer, application="shop-ap")
    assert "shop-api" in raised.value.hint
    check = deployer.checks()["application"]
    assert (check.passed, "shop-api" in check.hint) == (False, True)


def test_a_service_that_is_called_an_application_is_noticed(coolify: Coolify, deployer: Deployer) -> None:
    service = coolify.add_service("stack")
    for name in ("stack", service.uuid):
        with pytest.raises(TargetError) as raised:
            found(deployer, application=name)
        assert raised.value.hint == "it is a service: write service in place of application"


def test_an_application_that_is_called_a_service_is_noticed(coolify: Coolify, deployer: Deployer) -> None:
    coolify.add_application(name="shop-api")
    with pytest.raises(TargetError) as raised:
        found(deployer, service="shop-api", version_by="env:TAG")
    assert raised.value.hint == "it is an application: write application in place of service"


def test_an_application_of_another_team_is_not_there(coolify: Coolify, deployer: Deployer) -> None:
    other = coolify.add_application(team=coolify.add_team("other"))
    with pytest.raises(TargetError, match="the team of this token"):
        found(deployer, application=other.uuid)
