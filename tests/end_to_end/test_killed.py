"""`kill -9` at every step: status tells the truth, the next deployment reports it and succeeds."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

from .conftest import Site, eventually

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and packet pipes")]

DEPLOY = ["pre-flight", "fetch", "export", "build", "stop", "switch", "start", "health"]
BACK = ["roll back", "stop", "switch", "start", "health"]


def true_status(site: Site) -> dict[str, Any]:
    """Return what status tells once it is what the processes and the port tell, which may take a moment."""

    def told() -> dict[str, Any] | None:
        status = site.status()
        if status["state"] == "running":
            real = site.processes() == [status["details"]["pid"]] and site.answer() == status["version"]
        else:
            real = status["state"] in ("stopped", "failed") and (site.processes(), site.answer()) == ([], "")
        return status if real else None

    found = eventually(told)
    assert site.revisions[found["version"]] == found["revision"]
    return dict(found)


def goes_on(site: Site, version: str, steps: list[str]) -> None:
    """Deploy after a kill: it reports at which step that was, and leaves exactly one process of that version."""
    done = site.here("deploy", "greeter", "here", "--version", version)
    last, killed, *_ = site.history()
    assert killed["error"]["step"] in steps
    message = f"killed during step {killed['error']['step']}"
    assert f" was interrupted: {message}\n" in done.err
    assert (killed["status"], killed["error"]["message"]) == ("interrupted", message)
    assert "running" not in [step["status"] for step in killed["steps"]]
    assert last["status"] in ("success", "unchanged")
    assert (site.answer(), len(site.processes())) == (version, 1)


@pytest.mark.parametrize("step", DEPLOY)
def test_a_deployment_killed_at_a_step(shared_site: Site, step: str) -> None:
    site = shared_site
    old, new = site.versions()

    with site.running("deploy", "greeter", "here", "--version", new) as running:
        running.until(f"{step} ...")
        running.signalled(signal.SIGKILL)

    told = true_status(site)
    assert told["version"] in {"start": [old, new], "health": [new]}.get(step, [old])
    if step in DEPLOY[:4]:
        assert told["state"] == "running"
    # It may have been killed just before the line of the next step.
    goes_on(site, new, [*DEPLOY, ""][DEPLOY.index(step) :][:2])


@pytest.mark.parametrize("step", BACK)
def test_an_automatic_rollback_killed_at_a_step(shared_site: Site, step: str) -> None:
    site = shared_site
    old, _ = site.versions()
    back = f"roll back to {old} ({site.revisions[old][:7]})"

    with site.running("deploy", "greeter", "here", "--version", "v3") as running:
        running.until(f"{back} ...")
        if step != "roll back":
            running.lines.clear()
            running.until(f"{step} ...")
        running.signalled(signal.SIGKILL)

    told = true_status(site)
    assert told["version"] in (["v3", old] if step in ("roll back", "stop") else [old])
    following = [back, *BACK[1:], ""]
    goes_on(site, old, following[BACK.index(step) :][:2])


def test_a_rollback_killed_with_nothing_in_service(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    site.here("deploy", "greeter", "here", "--version", new)

    with site.running("rollback", "greeter", "here") as running:
        running.until("switch ...")
        running.signalled(signal.SIGKILL)

    told = true_status(site)
    # What was gone back from no longer counts as in service.
    assert (told["state"], told["version"]) == ("stopped", old)
    back = site.here("rollback", "greeter", "here", "--to", new)
    assert "the rollback begun " in back.err
    assert (site.answer(), len(site.processes())) == (new, 1)


def test_a_build_that_outlives_its_deployment_does_not_disturb_the_next_one(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    with site.held_build() as let_go:
        with site.running("deploy", "greeter", "here", "--version", new) as running:
            running.until("  | $ if test -p")
            eventually(lambda: len(site.processes()) > 1)
            running.signalled(signal.SIGKILL)
        told = site.status()
        assert (told["state"], told["version"]) == ("running", old)
        (site.hold / "build").rename(site.hold / "closed")
        site.here("deploy", "greeter", "here", "--version", new)
        assert site.answer() == new
        (site.hold / "closed").rename(site.hold / "build")
        let_go()
    eventually(lambda: len(site.processes()) == 1)


def test_a_service_that_was_being_stopped_is_told_as_such_and_stopped_by_the_next_one(shared_site: Site) -> None:
    site = shared_site
    old, new = site.versions()
    (site.hold / "stop").touch()
    with site.running("deploy", "greeter", "here", "--version", new) as running:
        running.until("stop ...")
        eventually(lambda: site.look("logs", "greeter", "here", "-n", "1")["lines"] == ["asked to stop"])
        running.signalled(signal.SIGKILL)
    (site.hold / "stop").unlink()

    told = site.status()
    assert (told["state"], told["version"]) == ("deploying", old)
    assert site.answer() == old
    goes_on(site, new, ["stop"])
