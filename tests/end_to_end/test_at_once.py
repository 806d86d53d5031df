"""Several at once on the same target: one works, the others are told who, or wait."""

from __future__ import annotations

import sys

import pytest

from .conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs packet pipes")]


def test_of_two_deployments_one_works_and_the_other_is_told_who_does(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    with site.held_build() as let_go, site.running("deploy", "greeter", "here", "--version", new) as first:
        first.until("  | $ if test -p")

        refused = site.deploy(old, "--json", code=4)
        error = refused.document["error"]
        (row, *_) = site.history()
        assert (error["kind"], error["code"]) == ("locked", 4)
        assert error["message"].startswith(
            f"greeter:here is locked by {row['user']} (pid {first.process.pid}) since "
        )
        assert error["message"].endswith(f" for {row['identifier']}")
        assert len(refused.err.splitlines()) == 1
        site.fraisier("rollback", "greeter", "here", code=4)

        # Looking is not locked out, and tells what is true.
        told = site.status()
        assert (told["state"], told["version"]) == ("running", old)
        assert (row["status"], row["version"]) == ("running", new)
        (lock,) = site.look("lock", "list")
        assert (lock["pid"], lock["deployment"]) == (first.process.pid, row["id"])
        assert site.look("list")[0]["status"] == "running"

        let_go()
        assert first.ended() == 0
    assert site.answer() == new
    assert site.look("lock", "list") == []


def test_one_that_waits_deploys_when_the_other_is_done(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    command = ["deploy", "greeter", "here", "--version"]
    with site.held_build() as let_go, site.running(*command, new) as first:
        first.until("  | $ if test -p")
        with site.running(*command, old, "--wait-lock", "50s") as second:
            second.until("fraisier: waiting: greeter:here is locked by ")
            let_go()
            assert first.ended() == 0
            assert second.ended() == 0
    assert site.answer() == old
    assert [(each["status"], each["version"]) for each in site.history()[:2]] == [
        ("success", old),
        ("success", new),
    ]


def test_another_machine_with_a_history_of_its_own_is_kept_out_by_the_target(shared_site: Site) -> None:
    site = shared_site
    _, new = site.versions()
    database = str(site.folder / "other.db")
    with site.held_build() as let_go, site.running("deploy", "greeter", "here", "--version", new) as first:
        first.until("  | $ if test -p")
        refused = site.fraisier("deploy", "greeter", "here", code=4, FRAISIER_DATABASE=database)
        assert f"greeter:here is being deployed by {site.history()[0]['user']}" in refused.err
        let_go()
        assert first.ended() == 0
    assert site.answer() == new


def test_a_deployment_whose_lock_is_broken_stops_before_its_next_step(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    with site.held_build() as let_go, site.running("deploy", "greeter", "here", "--version", new) as first:
        first.until("  | $ if test -p")
        site.fraisier("lock", "break", "greeter", "here")
        let_go()
        assert first.ended() == 4
    assert "this process lost its lock on greeter:here: lock broken by " in first.lines[-1]
    assert site.answer() == old
    (row, *_) = site.history()
    assert row["status"] == "interrupted"
    assert row["error"]["message"].startswith("lock broken by ")
    site.deploy(new)
    assert site.answer() == new
