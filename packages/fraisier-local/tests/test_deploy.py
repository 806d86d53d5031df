"""Putting a release in service: the order, what is unchanged, what fails before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier import HealthCheck, Release, TargetError
from fraisier_local import hooks

from .conftest import Site


def test_a_first_deployment_puts_the_head_of_the_default_branch_in_service(site: Site) -> None:
    revision = site.repository.git("rev-parse", "main")

    deployed = site.deploy()

    assert (deployed.version, deployed.revision, deployed.changed) == ("main", revision, True)
    assert site.progress.steps == ["fetch", "export", "stop", "switch", "start"]
    assert site.answer() == f"v1 main {revision}"
    assert (site.app / "current").resolve() == site.app / "releases" / deployed.details["release"]
    status = hooks.status(site.target())
    assert (status.state, status.release) == (
        "running",
        Release(version="main", revision=revision, details=deployed.details),
    )


def test_an_upgrade_replaces_the_process_and_keeps_the_old_release(site: Site) -> None:
    first = site.deploy("v1")
    old = site.process()
    revision = site.repository.commit("v2")

    second = site.deploy("v2")

    site.answered_version("v2")
    assert site.process()["pid"] != old["pid"]
    assert second.revision == revision
    status = hooks.status(site.target())
    assert [(each.version, each.revision) for each in status.earlier] == [("v1", first.revision)]
    assert len(site.folders()) == 2


def test_the_configured_branch_is_deployed_when_no_version_is_asked_for(site: Site) -> None:
    site.repository.git("switch", "--quiet", "--create", "production")
    revision = site.repository.commit("from-production", tag=False)
    site.repository.git("tag", "production", "v1")
    site.repository.git("switch", "--quiet", "main")

    deployed = site.deploy(branch="production", command="exec sleep 600")

    assert (deployed.version, deployed.revision) == ("production", revision)


def test_deploying_what_runs_already_does_nothing(site: Site) -> None:
    first = site.deploy("v1", command="exec sleep 600")
    process = site.process()

    again = site.deploy("v1", command="exec sleep 600")

    assert again.changed is False
    assert (again.version, again.revision, again.details) == (first.version, first.revision, first.details)
    assert site.process() == process
    assert site.progress.steps == ["fetch"]


def test_force_deploys_what_runs_already(site: Site) -> None:
    first = site.deploy("v1", command="exec sleep 600")

    again = site.deploy("v1", force=True, command="exec sleep 600")

    assert again.changed is True
    assert again.details != first.details


def test_two_releases_of_the_same_second_have_different_folders(site: Site) -> None:
    ids = {site.deploy("v1", force=True, command="exec sleep 600").details["release"] for _ in range(4)}

    assert len(ids) == 4
    assert sorted(ids) == site.folders()


def test_what_has_died_is_deployed_again(site: Site) -> None:
    site.deploy("v1", command="exit 3")
    assert site.verdict().final

    assert site.deploy("v1", command="exec sleep 600").changed is True


def test_the_build_runs_in_the_release_with_its_version_and_environment(site: Site) -> None:
    build = ['echo "$FRAISIER_VERSION $FRAISIER_REVISION $PORT" > built', "cat built VERSION"]

    deployed = site.deploy("v1", build=build, command="exec sleep 600")

    folder = site.app / "releases" / deployed.details["release"]
    assert (folder / "built").read_text() == f"v1 {deployed.revision} {site.port}\n"
    assert site.progress.steps == ["fetch", "export", "build", "stop", "switch", "start"]
    assert site.progress.lines[-2:] == [f"v1 {deployed.revision} {site.port}", "v1"]


def test_a_failing_build_leaves_the_old_service_running_and_no_folder(site: Site) -> None:
    site.deploy("v1")
    process, folders, ledger = site.process(), site.folders(), site.ledger()
    site.repository.commit("v2")

    with pytest.raises(TargetError) as caught:
        site.deploy("v2", build=["echo compiling", "echo it is broken; exit 2", "echo never"])

    assert caught.value.message == "a build command ended with exit code 2: echo it is broken; exit 2"
    assert caught.value.command == "echo it is broken; exit 2"
    assert caught.value.log == ["it is broken"]
    assert (site.process(), site.folders(), site.ledger()) == (process, folders, ledger)
    assert site.answer().startswith("v1 v1 ")


def test_a_build_may_leave_read_only_folders_which_are_removed_all_the_same(site: Site) -> None:
    with pytest.raises(TargetError):
        site.deploy("v1", build=["mkdir -p a/b && touch a/b/c && chmod -R a-w a && exit 1"])

    assert site.folders() == []


def test_files_come_with_their_modes_and_links(site: Site) -> None:
    (site.repository.folder / "bin").mkdir()
    script = site.repository.folder / "bin" / "run"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    (site.repository.folder / "link").symlink_to("/nowhere/at/all")
    site.repository.commit("v2")

    deployed = site.deploy("v2", command="exec bin/run")

    folder = site.app / "releases" / deployed.details["release"]
    assert str((folder / "link").readlink()) == "/nowhere/at/all"
    assert not (folder / ".git").exists()
    assert hooks.status(site.target()).state == "running"


def test_old_releases_are_pruned_and_those_gone_back_from_go_first(site: Site) -> None:
    quiet: dict[str, Any] = {"command": "exec sleep 600", "keep_releases": 2}
    first = site.deploy("v1", **quiet)
    for version in ("v2", "v3"):
        site.repository.commit(version)
        site.deploy(version, **quiet)
    site.rollback(site.deploy("v1", **quiet), **quiet)
    assert first.details["release"] not in site.folders()

    site.repository.commit("v4")
    bad = site.deploy("v4", **quiet)
    good = next(release for release in hooks.status(site.target()).earlier if release.version == "v1")
    hooks.rollback(site.target(**quiet), good, site.progress)
    site.repository.commit("v5")
    last = site.deploy("v5", **quiet)

    assert site.folders() == sorted([good.details["release"], last.details["release"]])
    assert bad.details["release"] not in site.folders()


def test_the_release_before_is_kept_even_when_one_is_to_be_kept(site: Site) -> None:
    quiet: dict[str, Any] = {"command": "exec sleep 600", "keep_releases": 1}
    first = site.deploy("v1", **quiet)
    site.repository.commit("v2")
    second = site.deploy("v2", **quiet)

    assert site.folders() == sorted([first.details["release"], second.details["release"]])


def test_a_service_that_dies_at_once_is_told_with_its_exit_code_and_log(site: Site) -> None:
    site.health_check = HealthCheck(url=site.url)
    site.deploy("v1", command="echo cannot open the database; exit 3")

    verdict = site.verdict()

    assert (verdict.healthy, verdict.final) == (False, True)
    assert verdict.detail == "the process ended with exit code 3"
    assert site.log() == ["cannot open the database"]
    status = hooks.status(site.target())
    assert (status.state, site.in_service().version) == ("failed", "v1")


def test_an_app_path_that_cannot_be_made_is_an_error_of_the_target(site: Site) -> None:
    site.app.write_text("a file stands here")

    with pytest.raises(TargetError) as caught:
        site.deploy("v1")

    assert str(site.app) in caught.value.message


def test_a_current_that_is_a_folder_is_an_error_of_the_target(site: Site) -> None:
    (site.app / "current").mkdir(parents=True)

    with pytest.raises(TargetError) as caught:
        site.deploy("v1", command="exec sleep 600")

    assert "current" in caught.value.message
