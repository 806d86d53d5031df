"""The process: ended with all its children, known again later, never confused with another one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from fraisier import HealthCheck
from fraisier_local import hooks, service
from fraisier_local.layout import Layout

from .conftest import Site, eventually, groups_of

STUBBORN = """
trap "" TERM
sh -c 'trap "" TERM; echo grandchild; while :; do sleep 1; done' &
while :; do sleep 1; done
"""


def test_sigterm_lets_the_service_end_by_itself(site: Site) -> None:
    site.deploy("v1", command="trap 'echo goodbye; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    eventually(lambda: site.log() == ["up"])

    service.stop(Layout(site.app), 5)

    assert "goodbye" in site.log()
    assert hooks.status(site.target()).state == "stopped"
    assert site.in_service().version == "v1"


def test_a_process_that_ignores_sigterm_is_killed_with_its_grandchildren(site: Site) -> None:
    site.deploy("v1", command=STUBBORN)
    eventually(lambda: site.log() == ["grandchild"])
    stubborn = site.process()
    site.repository.commit("v2")

    site.deploy("v2", command="exec sleep 600", stop_timeout=0.2)

    assert groups_of(stubborn) == set()
    assert hooks.status(site.target()).state == "running"


def test_children_that_outlive_their_leader_are_ended_too(site: Site) -> None:
    site.deploy("v1", command="sleep 600 & echo started; exit 0")
    eventually(lambda: hooks.status(site.target()).state == "failed")
    left = site.process()
    assert groups_of(left)

    site.deploy("v1", command="exec sleep 600")

    assert groups_of(left) == set()


def test_another_process_with_the_same_pid_is_left_alone(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    innocent = site.process()
    site.edit_process(started="another boot:1")

    assert hooks.status(site.target()).state == "failed"
    assert hooks.health(site.target()).final
    site.deploy("v1", command="exec sleep 600")

    assert groups_of(innocent)


def test_a_group_of_before_a_reboot_is_left_alone(site: Site) -> None:
    site.deploy("v1", command="sleep 600 & exit 0")
    eventually(lambda: hooks.status(site.target()).state == "failed")
    innocent = site.process()
    site.edit_process(machine="another boot:1")

    site.deploy("v1", command="exec sleep 600")

    assert groups_of(innocent)


def test_the_service_knows_nothing_of_our_terminal_our_files_and_our_git(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    site.deploy(
        "v1", command='echo "in=$(readlink /dev/fd/0 || true) git=$GIT_DIR"; ls /dev/fd | wc -l; exec sleep 600'
    )

    said = eventually(lambda: len(site.log()) == 2 and site.log())

    assert said[0] == "in=/dev/null git="
    assert int(said[1]) <= 5
    assert os.getsid(site.process()["pid"]) == site.process()["pid"]


def test_a_service_in_the_folder_of_the_link_current_stays_in_its_own(site: Site) -> None:
    deployed = site.deploy("v1", command="pwd -P; exec sleep 600")

    eventually(lambda: site.log() == [str(site.app / "releases" / deployed.details["release"])])


def test_health_without_a_check_waits_until_the_process_has_lasted(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")

    first = hooks.health(site.target())

    assert (first.healthy, first.final) == (False, False)
    assert first.detail == "started just now; it is watched for 2 s first"
    assert site.verdict().healthy


def test_a_service_that_cannot_bind_is_not_healthy_because_something_else_answers(
    site: Site, tmp_path: Path
) -> None:
    site.deploy("v1")
    site.answer()
    other = type(site)(tmp_path / "other", site.repository)
    other.folder.mkdir()
    other.port = site.port
    other.options["environment"] = {"PORT": str(site.port)}
    other.health_check = HealthCheck(url=site.url)
    other.deploy("v1")

    verdict = other.verdict()

    assert (verdict.healthy, verdict.final) == (False, True)
    assert verdict.detail == "the process ended with exit code 1"


def test_health_asks_what_the_check_says(site: Site) -> None:
    site.health_check = HealthCheck(url=site.url, expect_body="v7")
    site.deploy("v1")
    site.answer()

    def asked() -> str:
        detail = hooks.health(site.target()).detail
        return detail if "started just now" not in detail else ""

    assert eventually(asked).endswith("want 'v7' in it")


def test_a_service_that_was_killed_is_told_by_another_process_too(site: Site) -> None:
    site.options["command"] = "exec sleep 600"
    site.deploy("v1")
    os.kill(site.process()["pid"], signal.SIGKILL)

    told = site.told_elsewhere("""
        health = hooks.health(target)
        print(json.dumps([hooks.status(target).state, health.detail, health.final]))
    """)

    assert told == ["failed", "the process is gone", True]
    assert hooks.health(site.target()).detail == "the process was ended by SIGKILL"
    assert hooks.health(site.target()).detail == "the process is gone"


def test_health_of_what_was_never_deployed_is_final(site: Site) -> None:
    health = hooks.health(site.target())

    assert (health.healthy, health.final) == (False, True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "\xff"])
def test_a_spoilt_record_of_the_process_is_told_with_what_to_do(site: Site, content: Any) -> None:
    site.deploy("v1", command="exec sleep 600")
    site.edit_process()
    (site.app / ".fraisier" / "process.json").write_text(content, encoding="latin-1")

    with pytest.raises(hooks.status.__globals__["hookimpl"] and Exception) as caught:
        hooks.status(site.target())

    assert "process.json cannot be read" in str(caught.value)
    site.app.joinpath(".fraisier", "process.json").unlink()
