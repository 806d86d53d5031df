"""What goes wrong in the middle: afterwards the old or the new version answers, and the next deploy succeeds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from lab import faults
from lab.daemon import Daemon

from .conftest import Site, eventually

STEPS = ["pre-flight", "pull", "up", "wait", "health"]
MEBIBYTE = 1 << 20


def reach(process: subprocess.Popen[str], step: str) -> None:
    """Read what a deployment says until a step has begun."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(f"{step} ..."):
            return
    raise AssertionError(f"it never came to {step}:\n{''.join(said)}")


def history(site: Site) -> list[tuple[str, str]]:
    """Return version and status of every attempt, newest first."""
    told = json.loads(site.fraisier("history", "--json").stdout)
    return [(each["version"], each["status"]) for each in told]


def deploy(site: Site, version: str) -> None:
    """Deploy without a fault."""
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", version)
    assert done.returncode == 0, done.stdout + done.stderr


def all_is_well_again(site: Site, *outcomes: str) -> None:
    """Hold a site after a fault to what has to be true, and deploy to it once more."""
    assert site.answer() in ("v1", "v2")
    deploy(site, "v2")
    assert site.answer() == "v2"
    [now, disturbed, first] = history(site)
    assert now in (("v2", "success"), ("v2", "unchanged"))
    assert disturbed in [("v2", outcome) for outcome in outcomes]
    assert first == ("v1", "success")
    status = site.status()
    assert (status.state, status.release and status.release.version) == ("running", "v2")


@pytest.fixture
def running(engine: Daemon, make_site: Callable[..., Site]) -> Site:
    """A site on an engine of its own with v1 in service, which starts slowly enough to be disturbed."""
    site = make_site(engine)
    # Docker takes what an engine that was killed left for stopped by a person: only this brings it back.
    site.web.update(restart="always", environment={"START_DELAY": "0.5"})
    deploy(site, "v1")
    return site


@contextmanager
def deploying(site: Site, step: str) -> Iterator[subprocess.Popen[str]]:
    """Give a deployment of v2 that has come to a step."""
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        yield process


@contextmanager
def slowly_pulled(site: Site, seconds: float = 4) -> Iterator[None]:
    """Have v2 be an image that takes a while to pull."""
    site.push("v2", site.services.big("v2", megabytes=4))
    with faults.slow(site.registry.relay, rate=round(4 * MEBIBYTE / seconds)):
        yield


@pytest.mark.parametrize("step", STEPS)
def test_the_client_is_killed(running: Site, step: str) -> None:
    with deploying(running, step) as process:
        process.kill()
    all_is_well_again(running, "interrupted")


def test_the_client_is_killed_in_the_middle_of_a_pull(running: Site) -> None:
    with slowly_pulled(running):
        before = running.registry.relay.carried
        with deploying(running, "pull") as process:
            eventually(lambda: running.registry.relay.carried > before + MEBIBYTE)
            process.kill()
    assert running.answer() == "v1"
    all_is_well_again(running, "interrupted")


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("step", ["pull", "up", "wait", "health"])
def test_the_engine_is_restarted(running: Site, step: str, hard: bool) -> None:
    with deploying(running, step) as process:
        running.engine.restart(hard=hard)
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 6, 8, 9), said
    all_is_well_again(running, "success", "failed", "rolled_back", "rollback_failed")


def test_the_engine_is_away_for_good(running: Site) -> None:
    with deploying(running, "wait") as process:
        running.engine.stop(hard=True)
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (6, 9), said
        assert "Cannot connect to the Docker daemon" in said or "engine" in said
    running.engine.start()
    all_is_well_again(running, "failed", "rollback_failed")


def test_the_registry_is_cut_in_the_middle_of_a_pull(running: Site) -> None:
    with slowly_pulled(running):
        before = running.registry.relay.carried
        with deploying(running, "pull") as process:
            eventually(lambda: running.registry.relay.carried > before + MEBIBYTE)
            running.registry.relay.refuse()
            running.registry.relay.cut()
            said, _ = process.communicate(timeout=60)
            running.registry.relay.accept()
    assert process.returncode == 6, said
    assert running.answer() == "v1"
    all_is_well_again(running, "failed")


def test_the_registry_falls_silent_in_the_middle_of_a_pull(running: Site) -> None:
    running.options["deadlines"] = {"pull": 3}
    with slowly_pulled(running):
        before = running.registry.relay.carried
        with deploying(running, "pull") as process:
            eventually(lambda: running.registry.relay.carried > before + MEBIBYTE)
            running.registry.relay.stall()
            said, _ = process.communicate(timeout=60)
            running.registry.relay.cut()
            running.registry.relay.resume()
    assert process.returncode == 6, said
    assert "had not ended after 3 s" in said
    assert running.answer() == "v1"
    del running.options["deadlines"]
    all_is_well_again(running, "failed")


def test_the_disk_is_full(running: Site) -> None:
    running.push("v2", running.services.big("v2", megabytes=16))
    running.engine.fill()
    refused = running.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert refused.returncode == 5, refused.stderr
    assert "disk space: " in refused.stderr
    assert running.answer() == "v1"
    running.engine.free()
    all_is_well_again(running, "failed")


def test_the_disk_becomes_full(running: Site) -> None:
    running.push("v2", running.services.big("v2", megabytes=16))
    with slowly_pulled(running), deploying(running, "pull") as process:
        running.engine.fill(leaving=MEBIBYTE)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 6, said
    assert "no space left" in said.lower()
    assert running.answer() == "v1"
    running.engine.free()
    all_is_well_again(running, "failed")


def test_the_second_of_two_machines_is_told_who_is_at_work(
    running: Site, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with slowly_pulled(running, seconds=60), deploying(running, "pull") as process:
        # Another machine has a history of its own.
        monkeypatch.setenv("FRAISIER_DATABASE", str(tmp_path_factory.mktemp("other") / "fraisier.db"))
        second = running.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
        assert second.returncode == 4, second.stderr
        assert "is being deployed by " in second.stderr
        monkeypatch.delenv("FRAISIER_DATABASE")
        running.registry.relay.rate = None
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert running.answer() == "v2"


def test_a_container_that_crashes_twice_and_then_runs_has_failed(running: Site) -> None:
    running.push("v2", running.services.crashing("v2"))
    running.health_check = None
    failed = running.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 8, failed.stderr
    assert "crashing" in failed.stderr
    running.push("v2")
    all_is_well_again(running, "rolled_back")
