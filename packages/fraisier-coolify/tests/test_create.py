"""Making the application that `create` describes, by the first deployment and by no later one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import TargetError

from .deployer import Deployer
from .standin.coolify import Coolify

IMAGE = {"project": "shop", "image": "ghcr.io/acme/new", "ports": [8000], "domains": ["https://new.example.com"]}


@pytest.fixture
def deployer(coolify: Coolify, tmp_path: Path) -> Deployer:
    coolify.world.registry.push("ghcr.io/acme/new", "1.0.0")
    return Deployer(coolify, None, tmp_path, application="new", create=IMAGE)


def test_an_image_application_is_made_and_deployed(coolify: Coolify, deployer: Deployer) -> None:
    assert deployer.status().state == "stopped"
    assert deployer.checks()["application"].detail == "new will be made"
    assert coolify.world.applications == []
    assert deployer.deploy("1.0.0").version == "1.0.0"
    (made,) = coolify.world.applications
    assert (made.kind, made.name, made.environment.name, made.server.name) == (
        "dockerimage",
        "new",
        "production",
        "web-1",
    )
    assert made.columns["fqdn"] == "https://new.example.com"
    assert made.columns["ports_exposes"] == "8000"
    assert len(coolify.world.deployments) == 1


def test_what_is_there_is_not_made_again(coolify: Coolify, deployer: Deployer) -> None:
    deployer.deploy("1.0.0")
    assert not deployer.deploy("1.0.0").changed
    assert len(coolify.world.applications) == 1


def test_an_application_whose_making_was_not_answered_is_not_made_twice(
    coolify: Coolify, deployer: Deployer
) -> None:
    coolify.fault("POST /applications/dockerimage", lost=True)
    deployer.deploy("1.0.0")
    assert len(coolify.world.applications) == 1


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"build_pack": "nixpacks", "ports": [80]}, "nixpacks"),
        ({"build_pack": "dockercompose"}, "dockercompose"),
    ],
)
def test_an_application_from_git_is_made(
    coolify: Coolify, deployer: Deployer, more: dict[str, Any], kind: str
) -> None:
    head = coolify.world.repository("https://git.example.com/acme/new").commit("first")
    deployer.options["create"] = {"project": "shop", "repository": "https://git.example.com/acme/new", **more}
    assert deployer.deploy(head.sha).revision == head.sha
    assert coolify.world.applications[0].kind == kind


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"project": "shpo"}, '"shpo"'),
        ({"server": "web-9"}, '"web-9"'),
        ({"environment": "staging"}, '"staging"'),
    ],
)
def test_what_has_to_be_there_is_missed_before_anything_is_made(
    coolify: Coolify, deployer: Deployer, wrong: dict[str, str], said: str
) -> None:
    deployer.options["create"] = {**IMAGE, **wrong}
    check = deployer.checks()["application"]
    assert not check.passed
    assert said in check.detail
    assert check.hint


def test_a_server_has_to_be_named_where_there_are_two(coolify: Coolify, deployer: Deployer) -> None:
    coolify.add_server("web-2")
    assert "web-1" in deployer.checks()["application"].hint
    with pytest.raises(TargetError, match="there are 2 servers"):
        deployer.deploy("1.0.0")
    deployer.options["create"] = {**IMAGE, "server": "web-2"}
    deployer.deploy("1.0.0")
    assert coolify.world.applications[0].server.name == "web-2"
