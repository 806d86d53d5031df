"""Paths that all releases share: how they begin, and what they never lead to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import faults
from lab.host import Host
from lab.repository import Repository

from .site import Site


@pytest.fixture
def own(make_site: Callable[..., Site], shared_host: Host, new_repository: Repository) -> Site:
    """A site with a repository of its own, which has v1."""
    return make_site(shared_host, repository=new_repository)


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


def test_a_shared_path_that_leads_through_a_link_of_the_repository_is_refused_before_anything_is_touched(
    own: Site,
) -> None:
    outside = f"{own.app_path}-outside"
    own.host.run(f"mkdir -p {outside}/uploads; echo precious >{outside}/uploads/file; chown -R deploy: {outside}")
    (own.repository.clone / "storage").symlink_to(outside)
    own.repository.commit("v2")
    looks = f"find {outside} -printf '%p %i %l\\n'; cat {outside}/uploads/file; ls {own.app_path}/shared || true"
    before = own.host.run(looks)
    error = own.failure(own.deploy, "v2", shared=["storage/uploads"])
    assert error.message.startswith("shared path storage/uploads leads through a link of the repository, ")
    assert (error.hint, own.host.run(looks)) == ("share the link itself", before)
    assert (own.releases(), own.ledger()) == ([], [])
    own.deploy("v2", shared=["storage"])
    assert own.host.run(f"cat {own.app_path}/current/storage/uploads/file") == "precious\n"


def test_a_shared_path_that_could_not_be_copied_whole_is_none_and_the_next_deployment_copies_it_anew(
    own: Site,
) -> None:
    big = "x" * 2_000_000
    own.repository.commit("v2", {"uploads/a": "begins as this", "uploads/big": big, "uploads/z": "and ends"})
    own.options["shared"] = ["uploads"]
    shared = f"{own.app_path}/shared"
    with faults.small_disk(own.host, shared, megabytes=1):
        error = own.failure(own.deploy, "v2")
        assert error.message == f"shared path uploads cannot be made on {own.host.name}"
        assert any("No space left" in line for line in error.log)
        assert not own.host.succeeds(f"test -e {shared}/uploads")
        assert (own.releases(), own.ledger()) == ([], [])
        own.host.run(f"mount -o remount,size=8m {shared}")
        own.deploy("v2")
        told = own.host.run(f"cd {own.app_path}/current/uploads && cat a z && stat -c %s big && ls {shared}")
        assert told == f"begins as thisand ends{len(big)}\nuploads\n"
