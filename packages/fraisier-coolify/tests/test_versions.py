"""Versions of Coolify: their order, what each can do, and what is refused where it cannot be done."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from fraisier import TargetError
from fraisier_coolify.versions import FEATURES, NEWEST, Version, order

from .deployer import Deployer
from .standin.coolify import Coolify

IN_ORDER = [
    "4.0.0-beta.9",
    "4.0.0-beta.470",
    "4.0.0",
    "4.1.2",
    "4.2.0",
    "4.3.0-rc.1",
    "4.3",
    "4.3.11",
    "v4.4-rc.1",
    "4.4",
]


def test_versions_are_ordered_as_they_came_out() -> None:
    for earlier, later in pairwise(IN_ORDER):
        assert (order(earlier) or ()) < (order(later) or ()), f"{earlier} came before {later}"


@pytest.mark.parametrize("text", ["", "latest", "4", "four", "<html>", "4.3.11-custom"])
def test_what_is_no_version_is_taken_for_the_newest_with_a_warning(text: str) -> None:
    version = Version(text)
    assert NEWEST in version.warning
    assert [name for name in FEATURES if version.can(name)] == [
        name for name in FEATURES if Version(NEWEST).can(name)
    ]


def test_a_version_that_came_later_is_taken_to_be_like_the_newest_with_a_warning() -> None:
    version = Version("5.0.0")
    assert "newer than 4.3.11" in version.warning
    assert version.can("rolls_back")


def test_a_version_that_was_tried_has_no_warning() -> None:
    assert not any(Version(text).warning for text in ("4.0.0-beta.470", "4.1.2", "4.3.11"))


@pytest.mark.parametrize(
    ("feature", "can", "cannot"),
    [
        ("deploys", ["4.0.0-beta.445", "4.3.11"], ["4.0.0-beta.444"]),
        ("follows_by_uuid", ["4.0.0-beta.463", "4.0.0-beta.468"], ["4.0.0-beta.464", "4.0.0-beta.467"]),
        ("builds_the_pin", ["4.2.0", "4.3.11"], ["4.0.0-beta.470", "4.1.2"]),
        ("rolls_back", ["4.3.0"], ["4.2.0", "4.3.0-rc.1"]),
        ("cancels_cleanly", ["4.0.0-beta.470", "4.3.7"], ["4.1.0", "4.3.6"]),
        ("log_times", ["4.2.0"], ["4.1.2"]),
        ("service_logs", ["4.2.0"], ["4.1.2"]),
    ],
)
def test_each_feature_begins_and_ends_with_its_versions(feature: str, can: list[str], cannot: list[str]) -> None:
    assert [text for text in can + cannot if Version(text).can(feature)] == can


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.1.2"], indirect=True)
def test_a_commit_is_refused_where_coolify_would_build_another_one(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    deployer = Deployer(coolify, application, tmp_path)
    check = deployer.checks()["version_by"]
    assert not check.passed
    assert check.required
    assert "builds the head of the branch" in check.detail
    assert "4.2.0" in check.hint
    with pytest.raises(TargetError, match="builds the head of the branch"):
        deployer.deploy(coolify.version_of(application, "1.0.0"))
    assert coolify.world.deployments == []


@pytest.mark.parametrize("coolify", ["4.0.0-beta.444"], indirect=True)
def test_a_coolify_that_is_too_old_fails_pre_flight(coolify: Coolify, tmp_path: Path) -> None:
    check = Deployer(coolify, coolify.add_application(), tmp_path).checks()["version"]
    assert not check.passed
    assert "4.0.0-beta.445" in check.hint


@pytest.mark.parametrize("coolify", ["4.9.0"], indirect=True)
def test_a_version_that_nobody_tried_is_a_warning(coolify: Coolify, tmp_path: Path) -> None:
    checks = Deployer(coolify, coolify.add_application(), tmp_path).checks()
    assert checks["version"].passed
    assert not checks["version known"].passed
    assert not checks["version known"].required


@pytest.mark.parametrize("coolify", ["4.0.0-beta.466"], indirect=True)
def test_a_deployment_is_followed_through_the_list_where_its_own_route_is_broken(
    coolify: Coolify, tmp_path: Path
) -> None:
    deployer = Deployer(coolify, coolify.add_application(), tmp_path)
    assert deployer.deploy("1.1.0").version == "1.1.0"
    assert coolify.asked("GET /deployments/{uuid}") == []
