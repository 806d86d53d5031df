"""Several at once on the same target: one works, the others are told who, or wait."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from .conftest import FRAISIER, Site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs packet pipes")]


def test_of_two_deployments_one_works_and_the_other_is_told_who_does(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    with site.held_build(), site.running("deploy", "greeter", "here", "--version", new) as first:
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

        # Another machine, with a history of its own, is kept out by the target itself.
        other = str(site.folder / "other.db")
        refused = site.fraisier("deploy", "greeter", "here", code=4, FRAISIER_DATABASE=other)
        assert f"greeter:here is being deployed by {row['user']}" in refused.err

        assert first.signalled(signal.SIGTERM) == 130
    assert site.answer() == old
    assert site.look("lock", "list") == []


def test_of_several_that_begin_together_none_works_on_what_another_one_does(site: Site) -> None:
    command = [FRAISIER, "deploy", "greeter", "here", "--version", "v1", "--json"]
    begun = [
        subprocess.Popen(command, cwd=site.folder, env=site.environment(), stdout=-1, stderr=-1) for _ in range(3)
    ]
    for each in begun:
        each.communicate(timeout=60)
    codes = [each.returncode for each in begun]
    # One that comes late finds the work done.
    assert 0 in codes
    assert set(codes) <= {0, 4}
    rows = site.history()
    assert len(rows) == codes.count(0)
    assert [row["status"] for row in rows] == ["unchanged"] * (len(rows) - 1) + ["success"]
    assert (site.answer(), len(site.processes())) == ("v1", 1)


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
