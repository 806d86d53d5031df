"""`kill -9` at every step: status tells the truth, the next deployment succeeds, no process is unknown."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from fraisier_local import hooks

from .conftest import Site, eventually, groups_of

KILLED_AT = """
    from contextlib import contextmanager

    class Killed(RecordingProgress):
        @contextmanager
        def step(self, name):
            if name == {step!r} and {moment!r} == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            yield
            if name == {step!r}:
                os.kill(os.getpid(), signal.SIGKILL)

    hooks.deploy(target, Release(version="v2"), Killed())
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["fetch", "export", "build", "stop", "switch", "start"])
def test_a_killed_deployment_is_told_truly_and_the_next_one_succeeds(site: Site, step: Any, moment: Any) -> None:
    site.options["build"] = ["test -f VERSION"]
    first = site.deploy("v1")
    old = site.process()
    site.repository.commit("v2")

    with site.elsewhere(KILLED_AT.format(step=step, moment=moment)) as killed:
        assert killed.wait(timeout=30) == -signal.SIGKILL

    status = hooks.status(site.target())
    if (step, moment) == ("start", "after"):
        assert (status.state, site.in_service().version) == ("running", "v2")
        site.answered_version("v2")
    else:
        stopped = step in ("switch", "start") or (step, moment) == ("stop", "after")
        assert status.state == ("stopped" if stopped else "running")
        assert (site.in_service().version, site.in_service().revision) == ("v1", first.revision)
        assert bool(groups_of(old)) is not stopped
    site.deploy("v2")
    site.answered_version("v2")
    assert groups_of(old) == set()
    ids = {line["id"] for line in site.ledger()}
    assert set(site.folders()) <= ids


def test_killed_before_the_process_is_recorded_the_service_never_starts(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    site.repository.commit("v2")
    site.options["command"] = "echo I must not run; exec sleep 600"

    with site.elsewhere("""
        from fraisier_local import records, service
        service.write_process = lambda layout, process: (
            records.write_process(layout, process) if process.stopped_at
            else (print(process.pid, flush=True), os.kill(os.getpid(), signal.SIGKILL)))
        hooks.deploy(target, Release(version="v2"), progress)
    """) as killed:
        said, _ = killed.communicate(timeout=30)

    waiting = {"pid": int(said), "started": "", "machine": site.process()["machine"]}
    eventually(lambda: not groups_of(waiting))
    status = hooks.status(site.target())
    assert (status.state, site.in_service().version) == ("stopped", "v1")
    assert site.log() == []


def test_killed_between_the_record_and_the_go_the_service_never_starts(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    site.repository.commit("v2")
    site.options["command"] = "echo I must not run; exec sleep 600"

    with site.elsewhere("""
        from fraisier_local import records
        records.Ledger.append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        hooks.deploy(target, Release(version="v2"), progress)
    """) as killed:
        assert killed.wait(timeout=30) == -signal.SIGKILL

    eventually(lambda: hooks.status(site.target()).state == "failed")
    assert site.in_service().version == "v1"
    assert site.log() == []
    site.options["command"] = "exec sleep 600"
    assert site.deploy("v2").changed
    assert hooks.status(site.target()).state == "running"


def test_what_killed_runs_left_is_removed_by_the_next_one(site: Site) -> None:
    releases = site.app / "releases"
    (releases / "20200101T000000Z-abcdefa.tmp" / "half").mkdir(parents=True)
    (releases / "20200101T000000Z-abcdefb" / "built").mkdir(parents=True)

    deployed = site.deploy("v1", command="exec sleep 600")

    assert site.folders() == [deployed.details["release"]]


def test_a_line_of_the_ledger_that_was_cut_short_does_not_spoil_the_next_one(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    ledger = site.app / ".fraisier" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes() + b'{"event":"star')
    site.repository.commit("v2")

    site.deploy("v2", command="exec sleep 600")

    status = hooks.status(site.target())
    assert site.in_service().version == "v2"
    assert [release.version for release in status.earlier] == ["v1"]


@pytest.mark.parametrize("name", ["config.lock", "shallow.lock", "refs/heads/main.lock"])
def test_a_lock_file_of_a_killed_git_is_removed_when_no_git_can_hold_it_any_more(site: Site, name: str) -> None:
    import os

    site.deploy("v1", command="exec sleep 600")
    lock = site.app / "repo.git" / name
    lock.touch()
    os.utime(lock, (0, 0))
    site.repository.commit("v2")

    assert site.deploy("main", command="exec sleep 600").changed
