"""What a version means, and how a release is made from its commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fraisier import Secret
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .mending import apply
from .site import Site, numbers


@pytest.fixture
def own(site: Site, new_repository: Repository) -> Site:
    """A site with a repository of its own, which has v1 and v2."""
    new_repository.commit("v2")
    site.repository = new_repository
    site.options["git_repo"] = new_repository.url
    return site


def commit_of(site: Site, name: str) -> str:
    return site.repository.git("rev-parse", f"{name}^{{commit}}")


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


@pytest.mark.parametrize(
    "version",
    ["v9", "abc123", "0" * 40, "v1 ", " v1", "refs/tags/v1", "HEAD", "v1:VERSION", "v1~0", "v1^{commit}"],
)
def test_a_version_that_means_nothing_is_an_error_with_the_command_that_lists_them(
    site: Site, version: str
) -> None:
    error = site.failure(site.deploy, version)
    url = site.repository.url
    assert error.message == f'no tag, branch or commit "{version}" in {url} on {site.host.name}'
    assert error.hint == f"on the host, as deploy: git ls-remote --heads --tags {url}"
    assert site.ledger() == []


def test_a_branch_that_is_not_there_is_told_before_and_in_a_deployment(site: Site) -> None:
    url = site.repository.url
    assert site.checks(branch="nope")["repository"] == f"{url} has no branch nope; push it, or set branch"
    error = site.failure(site.deploy, branch="nope")
    assert error.message == f'no branch "nope" in {url} on {site.host.name}'
    assert error.hint == f"on the host, as deploy: git ls-remote --heads {url}"
    assert "refs/heads/main" in apply(site, error.hint)


def test_a_branch_that_is_not_there_is_no_hindrance_for_a_version_that_is(site: Site) -> None:
    site.options["branch"] = "nope"
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    assert done.returncode == 0, done.stderr


def test_a_repository_that_nobody_has_pushed_to_is_told_apart_from_one_that_cannot_be_read(
    site: Site, lab: Lab
) -> None:
    empty = lab.git.create(f"empty_{next(numbers)}").url
    said = site.checks(git_repo=empty)["repository"]
    assert said == f"{empty} has no HEAD: nobody has pushed to it yet; push it, or set branch"


def test_names_in_a_repository_that_is_not_shown_are_not_listed_by_its_reference(site: Site) -> None:
    hidden = Secret(site.repository.url, "${REPOSITORY}")
    error = site.failure(site.deploy, "v9", git_repo=hidden)
    assert error.message == f'no tag, branch or commit "v9" in ${{REPOSITORY}} on {site.host.name}'
    assert error.hint == "push it, or name another one"


def test_no_hook_of_a_tree_is_run_when_it_is_fetched_into(
    make_site: Callable[..., Site], shared_host: Host
) -> None:
    site = make_site(shared_host, layout="in_place")
    site.deploy("v1")
    hook = f"{site.app_path}/.git/hooks/reference-transaction"
    shared_host.write(hook, "#!/bin/sh\ntouch /tmp/hooked\n", owner="deploy", mode="755")
    shared_host.run(f"git -C {site.app_path} update-ref refs/mine HEAD && rm /tmp/hooked", user="deploy")
    site.deploy("v2")
    assert site.serves("v2")
    assert not shared_host.succeeds("test -e /tmp/hooked")


def test_a_release_is_built_in_the_folder_where_it_stays(site: Site) -> None:
    site.options["build"] = ["pwd >where"]
    done = site.deploy("v1")
    folder = f"{site.app_path}/releases/{done.details['release']}"
    assert site.host.run(f"cat {site.app_path}/current/where").strip() == folder


def test_the_environment_of_a_kept_release_is_written_anew_where_it_is_gone(
    site: Site,
) -> None:
    first = site.deploy("v1")
    release = first.details["release"]
    site.host.run(f"touch {site.app_path}/releases/{release}/mark", user="deploy")
    site.deploy("v2")
    site.host.run(f"rm {site.app_path}/.fraisier/environments/{release}")
    site.rollback(first)
    assert site.answer().split() == ["v1", "v1", first.revision]
    assert site.host.succeeds(f"test -e {site.app_path}/current/mark")


def test_submodules_are_told_about_and_their_folders_are_empty(own: Site) -> None:
    git = own.repository.git
    (own.repository.clone / ".gitmodules").write_text('[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n')
    git("add", ".gitmodules")
    git("update-index", "--add", "--cacheinfo", f"160000,{commit_of(own, 'v1')},lib")
    git("commit", "--quiet", "--message", "with a submodule")
    git("push", "--quiet", "origin", "HEAD:main")
    own.deploy()
    told = "submodules are not fetched: their folders are empty, unless the build fills them"
    assert told in own.progress.lines
    assert own.host.run(f"ls {own.app_path}/current/lib") == ""
    own.deploy("v1")
    assert told not in own.progress.lines


def test_a_mirror_is_packed_anew_when_much_has_come_in(site: Site) -> None:
    site.deploy("v1")
    packs = f"ls {site.app_path}/repo.git/objects/pack/*.pack | wc -l"
    pack = "echo $each | git hash-object -w --stdin | git pack-objects -q objects/pack/pack"
    site.host.run(f"cd {site.app_path}/repo.git; for each in $(seq 60); do {pack}; done >/dev/null", user="deploy")
    assert int(site.host.run(packs)) >= 60
    site.deploy("v2")
    assert int(site.host.run(packs)) <= 3


def test_a_name_that_git_would_take_for_a_description_of_a_commit_is_only_a_name(own: Site) -> None:
    first, second = commit_of(own, "v1"), commit_of(own, "v2")
    own.repository.git("push", "--quiet", "origin", f"{second}:refs/heads/hotfix-g{first[:7]}")
    with own.session():
        assert own.deploy(f"hotfix-g{first[:7]}").revision == second
        for nothing in (f"other-g{first[:7]}", f"other\nname-g{first[:7]}"):
            assert own.failure(own.deploy, nothing).message.startswith("no tag, branch or commit ")
