"""Going back: each kind of application on each version of Coolify, by the way that works there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import Release, TargetError

from .deployer import Deployer
from .standin.coolify import Coolify
from .standin.world import Kind

GIT = ("nixpacks", "dockerfile", "static", "railpack")


def there_and_back(coolify: Coolify, kind: Kind, folder: Path, **options: Any) -> Deployer:
    """Deploy twice and go back to the first from what `status` told before the second."""
    application = coolify.add_application(kind)
    deployer = Deployer(coolify, application, folder, **options)
    versions = [coolify.version_of(application, name) for name in ("1.0.0", "1.1.0")]
    first, second = ["1.0.0", "1.1.0"] if options.get("version_by") == "branch" else versions
    deployer.deploy(first)
    before = deployer.status().release
    assert before is not None
    deployer.deploy(second)
    coolify.requests.clear()
    back = deployer.roll_back(before)
    assert (back.version, back.revision) == (before.version, before.revision)
    told = deployer.status().release
    assert told is not None
    assert (told.version, told.revision) == (before.version, before.revision)
    assert application.container is not None
    assert application.container.version == versions[0]
    return deployer


def asked(coolify: Coolify) -> list[str]:
    """Return what was changed, in its order."""
    return [each.route for each in coolify.requests if each.method in ("POST", "PATCH")]


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.2.0", "4.3.11"], indirect=True)
def test_an_image_goes_back_by_its_tag_on_every_version(coolify: Coolify, tmp_path: Path) -> None:
    there_and_back(coolify, "dockerimage", tmp_path)
    assert asked(coolify) == ["PATCH /applications/{uuid}", "POST /deploy"]
    assert coolify.asked("POST /deploy")[0].query["force"] == "true"


@pytest.mark.parametrize("coolify", ["4.3.0", "4.3.11"], indirect=True)
@pytest.mark.parametrize("kind", GIT)
def test_a_kept_build_is_brought_back_without_building_it_again(
    coolify: Coolify, tmp_path: Path, kind: Kind
) -> None:
    deployer = there_and_back(coolify, kind, tmp_path)
    assert asked(coolify) == ["PATCH /applications/{uuid}", "POST /applications/{uuid}/rollback"]
    row = coolify.world.deployments[-1]
    assert row.rollback
    assert deployer.said("Starting deployment")


@pytest.mark.parametrize("coolify", ["4.2.0"], indirect=True)
def test_a_commit_is_pinned_and_built_anew_where_nothing_else_leads_back(coolify: Coolify, tmp_path: Path) -> None:
    there_and_back(coolify, "nixpacks", tmp_path)
    assert asked(coolify) == ["PATCH /applications/{uuid}", "POST /deploy"]


@pytest.mark.parametrize("coolify", ["4.2.0", "4.3.11"], indirect=True)
def test_a_compose_application_goes_back_by_its_pin(coolify: Coolify, tmp_path: Path) -> None:
    there_and_back(coolify, "dockercompose", tmp_path)
    assert asked(coolify) == ["PATCH /applications/{uuid}", "POST /deploy"]


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.1.2", "4.2.0", "4.3.11"], indirect=True)
@pytest.mark.parametrize("kind", ["nixpacks", "dockercompose"])
def test_a_branch_goes_back_and_leaves_no_pin(coolify: Coolify, tmp_path: Path, kind: Kind) -> None:
    there_and_back(coolify, kind, tmp_path, version_by="branch")
    columns = coolify.world.applications[0].columns
    assert (columns["git_branch"], columns["git_commit_sha"]) == ("1.0.0", "HEAD")


@pytest.mark.parametrize("coolify", ["4.1.2"], indirect=True)
def test_a_branch_that_has_moved_on_cannot_be_gone_back_to_where_no_pin_is_built(
    coolify: Coolify, tmp_path: Path
) -> None:
    application = coolify.add_application("nixpacks")
    deployer = Deployer(coolify, application, tmp_path, version_by="branch")
    first = deployer.deploy("main")
    coolify.add_version(application, "1.2.0")
    deployer.deploy("main")
    with pytest.raises(TargetError, match=f"was deployed in place of {first.revision}"):
        deployer.roll_back(first)


@pytest.mark.parametrize("coolify", ["4.1.2", "4.2.0", "4.3.11"], indirect=True)
def test_a_release_of_which_the_commit_alone_is_known_is_gone_back_to(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    deployer = Deployer(coolify, application, tmp_path, version_by="branch")
    first = deployer.deploy("1.0.0")
    deployer.deploy("1.1.0")
    back = deployer.roll_back(Release(version=first.version, revision=first.revision))
    assert (back.version, back.revision) == (first.version, first.revision)


@pytest.mark.parametrize("coolify", ["4.2.0", "4.3.11"], indirect=True)
def test_a_branch_that_has_moved_on_is_gone_back_to_by_its_commit(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    deployer = Deployer(coolify, application, tmp_path, version_by="branch")
    first = deployer.deploy("main")
    coolify.add_version(application, "1.2.0")
    deployer.deploy("main")
    assert deployer.roll_back(first).revision == first.revision
    assert application.columns["git_commit_sha"] == "HEAD"


@pytest.mark.parametrize("coolify", ["4.2.0", "4.3.11"], indirect=True)
def test_what_was_deployed_by_pushes_goes_back_to_that(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    row = coolify.put_in_service(application, "1.0.0")
    deployer = Deployer(coolify, application, tmp_path)
    before = deployer.status().release
    assert before is not None
    assert before.revision == row.commit
    deployer.deploy(coolify.version_of(application, "1.1.0"))
    deployer.roll_back(before)
    assert application.columns["git_commit_sha"] == "HEAD"


@pytest.mark.parametrize("coolify", ["4.1.2", "4.3.11"], indirect=True)
def test_a_variable_goes_back_to_its_value(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("dockercompose")
    deployer = Deployer(coolify, application, tmp_path, version_by="env:TAG")
    first = deployer.deploy("1.0.0")
    deployer.deploy("1.1.0")
    assert deployer.roll_back(first).version == "1.0.0"
    assert application.container is not None
    assert "TAG=1.0.0" in application.container.words


def test_each_release_before_can_be_gone_back_to_from_what_the_server_tells(
    coolify: Coolify, tmp_path: Path
) -> None:
    application = coolify.add_application()
    coolify.add_version(application, "1.2.0")
    deployer = Deployer(coolify, application, tmp_path)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        deployer.deploy(version)
    earlier = deployer.status().earlier
    assert [release.version for release in earlier] == ["1.1.0", "1.0.0"]
    deployer.roll_back(earlier[1])
    assert application.container is not None
    assert application.container.version == "1.0.0"


@pytest.mark.parametrize(
    ("kind", "options"), [("dockerimage", {}), ("nixpacks", {}), ("dockercompose", {"version_by": "env:TAG"})]
)
@pytest.mark.parametrize("revision", ["0" * 40, "ghcr.io/acme/shop-api:9.9.9", "$(touch canary)", None])
def test_what_nobody_recorded_is_not_gone_back_to(
    coolify: Coolify, tmp_path: Path, kind: Kind, options: dict[str, Any], revision: str | None
) -> None:
    application = coolify.add_application(kind)
    coolify.put_in_service(application, "1.0.0")
    columns = dict(application.columns)
    with pytest.raises(TargetError):
        Deployer(coolify, application, tmp_path, **options).roll_back(
            Release(version="9.9.9", revision=revision, details={"settings": "nothing"})
        )
    assert application.columns == columns


def test_details_that_somebody_changed_set_nothing_but_versions(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    deployer = Deployer(coolify, application, tmp_path)
    first = deployer.deploy(coolify.version_of(application, "1.0.0"))
    settings = {**first.details["settings"], "domains": "https://evil.example.com", "name": "evil"}
    deployer.roll_back(Release(version=first.version, revision=first.revision, details={"settings": settings}))
    assert application.columns["name"] == "shop-api"


def test_an_image_that_is_gone_from_the_registry_fails_and_leaves_what_is_in_service(
    coolify: Coolify, tmp_path: Path
) -> None:
    application = coolify.add_application()
    deployer = Deployer(coolify, application, tmp_path)
    first = deployer.deploy("1.0.0")
    deployer.deploy("1.1.0")
    del coolify.world.registry.images["ghcr.io/acme/shop-api", "1.0.0"]
    with pytest.raises(TargetError, match="the deployment failed"):
        deployer.roll_back(first)
    told = deployer.status().release
    assert told is not None
    assert told.version == "1.1.0"
