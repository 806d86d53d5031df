"""What goes wrong while a deployment is under way, in Coolify, by others, and by fraisier's own end."""

from __future__ import annotations

import signal
import subprocess
from itertools import count

import pytest

from .conftest import MESSAGE, Site
from .standin.request import Request

ROW = "GET /deployments/{uuid}"
ROWS = "GET /deployments/applications/{uuid}"


def until(process: subprocess.Popen[str], begun: str) -> None:
    """Read what a command line says until a line begins so."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(begun):
            return
    pytest.fail(f"it ended without {begun!r}: {said}")


def test_a_tag_that_is_not_there_ends_with_the_words_of_the_registry(site: Site) -> None:
    pace, clock, looks = site.coolify.pace, site.coolify.clock, count(1)

    def seen(_: Request) -> bool:
        """Let it fail for the second look, and write why only for the third."""
        clock.step({2: pace.pick_up + pace.resolve + pace.build, 3: pace.tail}.get(next(looks), 0))
        return False

    clock.hold()
    site.coolify.fault(ROW, when=seen, times=None)
    (message,) = MESSAGE.findall(site.deploy("9.9.9", code=6))
    assert "the deployment failed" in message
    (told, *_) = site.look("history")
    assert "manifest unknown" in "\n".join(told["error"]["log"])
    clock.go_on()
    site.is_unharmed()


def test_what_is_not_healthy_never_replaces_the_old_version_where_coolify_looks(site: Site) -> None:
    site.columns["health_check_enabled"] = True
    (message,) = MESSAGE.findall(site.deploy("broken", code=6))
    assert "the deployment failed" in message
    site.is_unharmed()


def test_what_is_broken_is_rolled_back_where_coolify_does_not_look(site: Site) -> None:
    (message,) = MESSAGE.findall(site.deploy("broken", code=8))
    assert "got 503" in message
    assert site.history() == [("broken", "rolled_back")]
    site.is_unharmed()


def test_coolify_restarts_in_the_middle(site: Site) -> None:
    site.coolify.pace.build = 3600
    site.coolify.fault(ROW, restart=True)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment failed" in message
    assert site.history() == [("1.1.0", "failed")]
    site.coolify.pace.build = 0
    site.is_unharmed()


@pytest.mark.parametrize("coolify", ["4.1.2", "4.3.0", "4.3.11"], indirect=True)
def test_what_takes_too_long_is_cancelled_whatever_the_answer(site: Site) -> None:
    site.options["timeout"] = 2
    site.coolify.pace.build = 3600
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "has not ended after 2 s" in message
    assert [row.status for row in site.coolify.world.deployments] == ["finished", "cancelled-by-user"]
    site.options["timeout"] = 60
    site.coolify.pace.build = 0
    site.is_unharmed()


def test_a_full_queue_is_waited_for_as_long_as_there_is_time(site: Site) -> None:
    site.options["timeout"] = 5
    site.coolify.fill_queue()
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment queue of the server is full" in message
    site.coolify.empty_queue()
    site.is_unharmed()


def test_somebody_cancels_it_in_coolify(site: Site) -> None:
    def cancelled(_: Request) -> bool:
        for row in site.coolify.world.deployments:
            row.status = "cancelled-by-user" if row.is_open else row.status
        return False

    site.coolify.pace.build = 3600
    site.coolify.fault(ROW, when=cancelled, times=None)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=6))
    assert "the deployment was cancelled" in message
    site.coolify.pace.build = 0
    site.is_unharmed()


def test_coolify_is_gone_for_good_in_the_middle(site: Site) -> None:
    def under_way(_: Request) -> bool:
        return any(row.is_open for row in site.coolify.world.deployments)

    site.options |= {"timeout": 3, "request_timeout": 1}
    site.coolify.pace.build = 3600
    fault = site.coolify.fault("*", status=502, times=None, when=under_way)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=9))
    assert "Coolify does not answer its proxy" in message
    assert "could not be put back" in message
    fault.end()
    assert site.history() == [("1.1.0", "failed")]
    # Coolify goes on with what nobody could cancel, and tells so itself.
    assert site.look("status")[0]["state"] == "deploying"
    site.coolify.step(3600)
    assert site.serves() == "1.1.0"
    (told,) = site.look("status")
    assert (told["state"], told["version"]) == ("running", "1.1.0")
    site.deploy("1.1.0")
    assert site.history()[0] == ("1.1.0", "unchanged")


def test_another_deployment_from_the_web_interface_is_waited_for(site: Site) -> None:
    def seen(_: Request) -> bool:
        """Let it end when ours has seen it: in pre-flight, by status, and before its turn."""
        if len(site.coolify.asked(ROWS)) == 10:
            site.coolify.clock.step(3600)
            site.coolify.pace.build = 0
        return False

    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0])
    site.coolify.fault(ROWS, when=seen, times=None)
    said = site.deploy("1.1.0")
    assert "waiting for a deployment that began before" in said
    assert [row.status for row in site.coolify.world.deployments] == ["finished"] * 3
    assert site.serves() == "1.1.0"


def test_another_deployment_over_the_api_keeps_ours_out(site: Site) -> None:
    site.options["timeout"] = 5
    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0], is_api=True)
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=4))
    assert "is being deployed by another client of Coolify's API" in message
    site.coolify.step(3600)
    site.coolify.pace.build = 0
    site.is_unharmed()


def test_a_preview_that_is_deployed_is_nobody_in_the_way(site: Site) -> None:
    site.coolify.pace.build = 3600
    site.coolify.deploy(site.coolify.world.applications[0], is_api=True, pull_request_id=7)
    site.coolify.pace.build = 0
    site.is_unharmed()


@pytest.mark.slow
@pytest.mark.parametrize("coolify", ["4.3.0", "4.3.11"], indirect=True)
def test_ctrl_c_cancels_the_deployment_and_puts_the_version_back(site: Site) -> None:
    site.coolify.pace.build = 3600
    with site.running("deploy", "shop", "production", "--version", "1.1.0") as process:
        until(process, "deploy ...")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert [row.status for row in site.coolify.world.deployments] == ["finished", "cancelled-by-user"]
    assert site.history() == [("1.1.0", "interrupted")]
    site.coolify.pace.build = 0
    site.is_unharmed()


@pytest.mark.slow
def test_killed_in_the_middle_the_next_run_tells_the_truth_and_goes_on(site: Site) -> None:
    site.coolify.pace.build = 3600
    with site.running("deploy", "shop", "production", "--version", "1.1.0") as process:
        until(process, "deploy ...")
        process.kill()
    (message,) = MESSAGE.findall(site.deploy("1.1.0", code=4))
    assert "is being deployed by another client of Coolify's API" in message
    assert ("1.1.0", "interrupted") in site.history()
    site.coolify.step(3600)
    site.coolify.pace.build = 0
    site.deploy("1.1.0")
    assert site.serves() == "1.1.0"
    assert "running" not in [status for _, status in site.history()]
