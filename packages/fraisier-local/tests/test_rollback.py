"""Going back to a release that was in service before."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from fraisier import Release, TargetError
from fraisier_local import hooks

from .conftest import Site

QUIET: dict[str, Any] = {"command": "exec sleep 600"}


def test_a_rollback_brings_back_version_revision_and_folder(site: Site) -> None:
    first = site.deploy("v1")
    site.repository.commit("v2")
    site.deploy("v2")
    site.answered_version("v2")

    back = site.rollback(first)

    assert (back.version, back.revision, back.details) == (first.version, first.revision, first.details)
    assert site.progress.steps == ["stop", "switch", "start"]
    site.answered_version("v1")
    assert site.answer() == f"v1 v1 {first.revision}"


def test_the_ledger_tells_that_the_present_release_was_gone_back_from(site: Site) -> None:
    first = site.deploy("v1", **QUIET)
    site.repository.commit("v2")
    site.deploy("v2", **QUIET)
    site.rollback(first, **QUIET)

    events = [(line["event"], line["version"]) for line in site.ledger()]
    assert events == [("started", "v1"), ("started", "v2"), ("rolled_back", "v2"), ("started", "v1")]
    status = hooks.status(site.target())
    assert (site.in_service().version, status.earlier) == ("v1", [])


def test_another_process_goes_back_by_what_status_tells_it(site: Site) -> None:
    site.options |= QUIET
    first = site.deploy("v1")
    site.repository.commit("v2")
    site.deploy("v2")

    told = site.told_elsewhere("""
        before = hooks.status(target).earlier[0]
        back = hooks.rollback(target, before, progress)
        print(json.dumps([back.version, back.revision, hooks.status(target).state]))
    """)

    assert told == ["v1", first.revision, "running"]
    assert site.in_service().revision == first.revision


def test_a_release_whose_folder_is_gone_is_made_anew_without_the_network(site: Site) -> None:
    build = {"build": ["echo built > built"], **QUIET}
    first = site.deploy("v1", **build)
    site.repository.commit("v2")
    site.deploy("v2", **build)
    shutil.rmtree(site.app / "releases" / first.details["release"])
    shutil.rmtree(site.repository.folder)

    back = site.rollback(first, **build)

    assert (back.version, back.revision) == (first.version, first.revision)
    assert site.progress.steps == ["export", "build", "stop", "switch", "start"]
    folder = site.app / "releases" / back.details["release"]
    assert ((folder / "VERSION").read_text(), (folder / "built").read_text()) == ("v1", "built\n")


def test_a_branch_that_was_forced_elsewhere_still_rolls_back(site: Site) -> None:
    site.repository.git("switch", "--quiet", "--create", "work")
    site.repository.commit("first try", tag=False)
    first = site.deploy("work", **QUIET)
    site.repository.git("reset", "--quiet", "--hard", "v1")
    site.repository.commit("second try", tag=False)
    site.deploy("work", **QUIET)
    site.repository.git("reflog", "expire", "--expire=now", "--all")
    site.repository.git("gc", "--quiet", "--prune=now")
    shutil.rmtree(site.app / "releases" / first.details["release"])

    back = site.rollback(first, **QUIET)

    assert back.revision == first.revision
    assert (site.app / "current" / "VERSION").read_text() == "first try"


def test_a_commit_that_is_nowhere_any_more_is_told_and_the_service_stays(site: Site) -> None:
    site.deploy("v1", **QUIET)
    process = site.process()

    with pytest.raises(TargetError) as caught:
        hooks.rollback(site.target(**QUIET), Release(version="v0", revision="a" * 40), site.progress)

    assert caught.value.message.startswith("commit aaaaaaaaaaaa is not here, nor to be had from ")
    assert site.process() == process


@pytest.mark.parametrize("revision", [None, "", "main", "--upload-pack=touch /tmp/x", "../../etc"])
def test_a_release_without_a_commit_cannot_be_gone_back_to(site: Site, revision: Any) -> None:
    site.deploy("v1", **QUIET)

    with pytest.raises(TargetError):
        hooks.rollback(site.target(**QUIET), Release(version="v0", revision=revision), site.progress)

    assert hooks.status(site.target()).state == "running"


@pytest.mark.parametrize("folder", ["../..", "/etc", "nothing", None, 3])
def test_a_recorded_folder_that_is_not_in_the_ledger_is_not_used(site: Site, folder: Any) -> None:
    first = site.deploy("v1", **QUIET)
    release = Release(version="v1", revision=first.revision, details={"release": folder})

    back = hooks.rollback(site.target(**QUIET), release, site.progress)

    assert back.details == first.details


def test_a_release_that_was_gone_back_from_can_be_gone_to_again(site: Site) -> None:
    first = site.deploy("v1", **QUIET)
    site.repository.commit("v2")
    second = site.deploy("v2", **QUIET)
    site.rollback(first, **QUIET)

    site.rollback(second, **QUIET)

    status = hooks.status(site.target())
    assert (site.in_service().version, status.state) == ("v2", "running")
