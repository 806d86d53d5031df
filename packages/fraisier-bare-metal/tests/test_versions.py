"""What a version means, what of earlier releases stays on the host, and what of a working tree is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .site import SERVICE, Site


@pytest.fixture
def own(site: Site, new_repository: Repository) -> Site:
    """A site with a repository of its own, which has v1 and v2."""
    new_repository.commit("v2")
    site.repository = new_repository
    site.options["git_repo"] = new_repository.url
    return site


@pytest.fixture(scope="module")
def four_versions(lab: Lab) -> Repository:
    """A repository that tests only read; v1 to v4 work."""
    repository = lab.git.create("four_versions")
    for version in ("v1", "v2", "v3", "v4"):
        repository.commit(version, {"service.py": SERVICE})
    return repository


@pytest.fixture
def in_place(make_site: Callable[..., Site], shared_host: Host, new_repository: Repository) -> Site:
    """A site with v1 in a working tree."""
    site = make_site(shared_host, layout="in_place", repository=new_repository)
    site.deploy("v1")
    return site


def commit_of(site: Site, name: str) -> str:
    return site.repository.git("rev-parse", f"{name}^{{commit}}")


def kept(site: Site) -> list[str]:
    """Return the versions whose releases are on the host."""
    return sorted(site.host.run(f"cat {site.app_path}/releases/*/VERSION").split())


def test_a_version_is_a_tag_a_branch_or_a_commit(own: Site) -> None:
    first, second = commit_of(own, "v1"), commit_of(own, "v2")
    own.repository.git("tag", "--annotate", "--message", "text", "release", first)
    own.repository.git("push", "--quiet", "origin", f"{first}:refs/heads/stable", "release")
    wanted = [
        ("v1", first),
        ("main", second),
        ("stable", first),
        (second, second),
        (first[:7], first),
        (second.upper(), second),
        ("release", first),
    ]
    with own.session():
        for version, revision in wanted:
            deployed = own.deploy(version)
            assert (deployed.version, deployed.revision) == (version, revision)
            assert own.answer().split() == ["v1" if revision == first else "v2", version, revision]


def test_without_a_version_it_is_the_branch_of_the_options_or_the_one_that_the_repository_calls_its_own(
    own: Site, lab: Lab, new_repository: Repository
) -> None:
    first, second = commit_of(own, "v1"), commit_of(own, "v2")
    new_repository.git("push", "--quiet", "origin", f"{first}:refs/heads/trunk")
    with own.session():
        deployed = own.deploy(None, branch="trunk")
        assert (deployed.version, deployed.revision) == ("trunk", first)
        deployed = own.deploy(None)
        assert (deployed.version, deployed.revision) == ("main", second)
        name = new_repository.url.partition(":")[2]
        lab.git.host.run(f"git -C /srv/git/{name} symbolic-ref HEAD refs/heads/trunk", user="git")
        deployed = own.deploy(None)
        assert (deployed.version, deployed.revision) == ("trunk", first)


def test_a_tag_goes_before_a_branch_and_a_name_before_a_commit(own: Site) -> None:
    first, second = commit_of(own, "v1"), commit_of(own, "v2")
    git = own.repository.git
    git("push", "--quiet", "origin", f"{first}:refs/tags/both", f"{second}:refs/heads/both")
    git("push", "--quiet", "origin", f"{first}:refs/heads/{second[:8]}")
    with own.session():
        assert own.deploy("both").revision == first
        assert own.deploy(second[:8], force=True).revision == first


def test_a_commit_that_is_on_no_branch_is_found_by_its_whole_name(own: Site) -> None:
    git = own.repository.git
    hidden = git("commit-tree", "-m", "hidden", "-p", "HEAD", "HEAD^{tree}")
    git("push", "--quiet", "origin", f"{hidden}:refs/pull/1/head")
    assert own.deploy(hidden).revision == hidden


def test_a_tag_that_moved_and_a_branch_that_was_forced_mean_what_they_mean_now(own: Site) -> None:
    first, second = commit_of(own, "v1"), commit_of(own, "v2")
    git = own.repository.git
    with own.session():
        for name in ("v1", "main"):
            before = own.deploy(name)
            other = second if before.revision == first else first
            kind = "tags" if name == "v1" else "heads"
            git("push", "--quiet", "--force", "origin", f"{other}:refs/{kind}/{name}")
            after = own.deploy(name)
            assert after.changed == (after.revision != before.revision)
            assert after.revision == other


def test_going_back_works_when_the_repository_has_forgotten_the_commit_or_cannot_be_reached(own: Site) -> None:
    git = own.repository.git
    lost = git("commit-tree", "-m", "lost", "-p", "HEAD", "HEAD^{tree}")
    git("push", "--quiet", "origin", f"{lost}:refs/heads/lost")
    first = own.deploy("lost")
    git("push", "--quiet", "--delete", "origin", "lost")
    with own.session():
        own.deploy("v2")
        own.deploy("v1", keep_releases=1)
        own.host.run(f"rm -rf {own.app_path}/releases/{first.details['release']}")
        assert own.rollback(first, git_repo="git@git:not-there.git").revision == lost
    assert own.answer().split() == ["v2", "lost", lost]


@pytest.mark.parametrize("version", ["v9", "abc123", "0" * 40, "v1 ", " v1", "refs/tags/v1", "HEAD", "v1:VERSION"])
def test_a_version_that_means_nothing_is_an_error_with_the_command_that_lists_them(
    site: Site, version: str
) -> None:
    error = site.failure(site.deploy, version)
    url = site.repository.url
    assert error.message == f'no tag, branch or commit "{version}" in {url} on {site.host.name}'
    assert error.hint == f"see: git ls-remote --heads --tags {url}"
    assert site.ledger() == []


def test_a_branch_that_is_not_there_is_told_before_and_in_a_deployment(site: Site) -> None:
    assert "it has no refs/heads/nope" in site.checks(branch="nope")["repository"]
    assert site.failure(site.deploy, branch="nope").message.startswith('no branch "nope" in ')


def test_a_release_is_built_in_the_folder_where_it_stays(site: Site) -> None:
    site.options["build"] = ["pwd >where"]
    done = site.deploy("v1")
    folder = f"{site.app_path}/releases/{done.details['release']}"
    assert site.host.run(f"cat {site.app_path}/current/where").strip() == folder


def test_what_is_shared_outlives_releases_and_begins_as_the_release_has_it(own: Site) -> None:
    own.repository.commit("v3", {"uploads/README": "begins as this", "config/app.ini": "a = 1"})
    own.repository.commit("v4", {"uploads/README": "never seen", "config/app.ini": "a = 2"})
    own.options["shared"] = ["uploads", "config/app.ini", "log/deep"]
    with own.session():
        own.deploy("v3")
        current = f"{own.app_path}/current"
        assert own.host.run(f"cat {current}/uploads/README {current}/config/app.ini") == "begins as thisa = 1"
        own.host.run(f"echo text >{current}/uploads/new; echo text >{current}/log/deep/file", user="deploy")
        own.deploy("v4")
    told = own.host.run(f"cd {current} && cat uploads/new uploads/README config/app.ini log/deep/file")
    assert told == "text\nbegins as thisa = 1text\n"
    assert own.serves("v4")


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


def test_a_working_tree_with_local_changes_is_refused_and_left_as_it_is(in_place: Site) -> None:
    in_place.repository.commit("v2")
    path = f"{in_place.app_path}/service.py"
    in_place.host.run(f"echo '# mended at night' >>{path}", user="deploy")
    before = in_place.host.run(f"cat {path}")
    said = in_place.checks()["app_path"]
    assert said.startswith(f"local changes in {in_place.app_path}: M service.py; on the host: git -C ")
    error = in_place.failure(in_place.deploy, "v2")
    assert error.message.startswith(f"there are local changes in {in_place.app_path}:  M service.py")
    assert in_place.host.run(f"cat {path}") == before
    assert in_place.serves("v1")
    in_place.host.run(f"git -C {in_place.app_path} checkout --quiet service.py", user="deploy")
    assert in_place.deploy("v2").changed


def test_files_that_are_not_of_the_repository_are_left_alone_and_never_written_over(in_place: Site) -> None:
    host, app_path = in_place.host, in_place.app_path
    in_place.repository.commit("v2", {"added.txt": "from the repository"})
    host.run(f"echo mine >{app_path}/mine.txt; echo mine >{app_path}/added.txt", user="deploy")
    error = in_place.failure(in_place.deploy, "v2")
    assert "added.txt" in error.message
    assert host.run(f"cat {app_path}/added.txt") == "mine\n"
    assert in_place.serves("v1")
    host.run(f"rm {app_path}/added.txt; touch {app_path}/service.py", user="deploy")
    in_place.deploy("v2")
    assert in_place.serves("v2")
    assert host.run(f"cat {app_path}/mine.txt {app_path}/added.txt") == "mine\nfrom the repository"


def test_a_folder_that_holds_something_else_is_refused(make_site: Callable[..., Site], shared_host: Host) -> None:
    site = make_site(shared_host, layout="in_place")
    site.host.run(f"echo mine >{site.app_path}/service.py", user="deploy")
    assert site.checks()["app_path"].startswith(f"{site.app_path} holds something that is no git tree; ")
    assert "is no git tree and not empty" in site.failure(site.deploy, "v1").message
    assert site.host.run(f"cat {site.app_path}/service.py") == "mine\n"


def test_a_mirror_is_packed_anew_when_much_has_come_in(site: Site) -> None:
    site.deploy("v1")
    packs = f"ls {site.app_path}/repo.git/objects/pack/*.pack | wc -l"
    pack = "echo $each | git hash-object -w --stdin | git pack-objects -q objects/pack/pack"
    site.host.run(f"cd {site.app_path}/repo.git; for each in $(seq 60); do {pack}; done >/dev/null", user="deploy")
    assert int(site.host.run(packs)) >= 60
    site.deploy("v2")
    assert int(site.host.run(packs)) <= 3
