"""What of earlier releases stays on a host, and what is done about what is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .service import SERVICE
from .site import Site


@pytest.fixture(scope="module")
def four_versions(lab: Lab) -> Repository:
    """A repository that tests only read; v1 to v4 work."""
    repository = lab.git.create("four_versions")
    for version in ("v1", "v2", "v3", "v4"):
        repository.commit(version, {"service.py": SERVICE})
    return repository


def kept(site: Site) -> list[str]:
    """Return the versions whose releases are on the host."""
    return sorted(site.host.run(f"cat {site.app_path}/releases/*/VERSION").split())


def test_as_many_releases_stay_as_the_options_say_and_the_last_two_that_were_good_at_least(
    make_site: Callable[..., Site], shared_host: Host, four_versions: Repository
) -> None:
    site = make_site(shared_host, repository=four_versions)
    with site.session():
        for version, stay in (
            ("v1", ["v1"]),
            ("v2", ["v1", "v2"]),
            ("v3", ["v2", "v3"]),
            ("v4", ["v3", "v4"]),
        ):
            site.deploy(version, keep_releases=1)
            assert kept(site) == stay
        site.deploy("v1", keep_releases=3)
        assert kept(site) == ["v1", "v3", "v4"]
    assert sorted(site.releases()) == site.host.run(f"ls {site.app_path}/.fraisier/environments").split()


def test_what_was_gone_back_from_is_not_kept_in_place_of_what_was_good(
    make_site: Callable[..., Site], shared_host: Host, four_versions: Repository
) -> None:
    site = make_site(shared_host, repository=four_versions)
    site.options["keep_releases"] = 3
    with site.session():
        site.deploy("v1")
        good = site.deploy("v2")
        for _ in range(2):
            site.deploy("v3", force=True)
            site.rollback(good)
        assert kept(site)[:2] == ["v1", "v2"]
        site.deploy("v4")
    assert kept(site) == ["v1", "v2", "v4"]


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_a_release_that_was_pruned_is_made_anew_from_the_recorded_commit(
    make_site: Callable[..., Site], shared_host: Host, four_versions: Repository, layout: str
) -> None:
    site = make_site(shared_host, layout=layout, repository=four_versions)
    site.options |= {"keep_releases": 1, "build": ["cp VERSION built"]}
    with site.session():
        first = site.deploy("v1")
        site.deploy("v2")
        site.deploy("v3")
        environments = site.host.run(f"ls {site.app_path}/.fraisier/environments").split()
        assert len(environments) == 2
        assert first.details["release"] not in environments
        back = site.rollback(first)
    assert (back.revision, back.details) == (first.revision, first.details)
    assert site.answer().split() == ["v1", "v1", first.revision]
    folder = f"{site.app_path}/current" if layout == "releases" else site.app_path
    assert site.host.run(f"cat {folder}/built") == "v1\n"


def test_what_cannot_be_removed_entirely_is_no_release_any_more_and_keeps_nothing_else(
    make_site: Callable[..., Site], shared_host: Host, four_versions: Repository
) -> None:
    site = make_site(shared_host, repository=four_versions)
    with site.session():
        first, second, _ = (site.deploy(version) for version in ("v1", "v2", "v3"))
        # As a service that runs as root leaves it, and as a cache of Go modules is.
        of_root, closed = (f"{site.app_path}/releases/{each.details['release']}/cache" for each in (first, second))
        site.host.run(f"mkdir {of_root} && touch {of_root}/file")
        site.host.run(f"mkdir {closed} && touch {closed}/file && chmod 0555 {closed}", user="deploy")
        site.deploy("v4", keep_releases=1)
        told = [line for line in site.progress.lines if line.endswith(" cannot be removed")]
        assert told == [f"what is left of release {first.details['release']} cannot be removed"]
        assert kept(site) == ["v3", "v4"]
        assert sorted(site.releases()) == site.host.run(f"ls {site.app_path}/.fraisier/environments").split()
        assert site.host.run(f"find {site.app_path}/releases -name cache | wc -l") == "1\n"
        site.rollback(first)
        assert site.answer().split() == ["v1", "v1", first.revision]
        assert not site.host.succeeds(f"test -e {of_root}")
