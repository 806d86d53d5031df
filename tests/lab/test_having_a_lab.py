"""Who gets a lab, who is skipped and who fails: FRAISIER_LAB and `lab up` on machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import daemon

TEST = "def test_that_needs_a_host(host): ...\ndef test_that_needs_none(): ...\n"
COMPOSE_TEST = "def test_that_needs_an_engine(engine): ...\n"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder that is all of PATH; nothing is in it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def environment(tools: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRAISIER_", "PYTEST_"))}
    return {**kept, "PATH": str(tools), "PYTHONPATH": str(Path(__file__).parent.parent), **more}


def pytest_run(
    tools: Path, *arguments: str, test: str = TEST, **variables: str
) -> subprocess.CompletedProcess[str]:
    path = tools.parent / "test_of_a_provider.py"
    path.write_text(test)
    command = [sys.executable, "-m", "pytest", "-p", "lab.fixtures", "-p", "no:cacheprovider", "-rs", *arguments]
    command += ["--rootdir", str(tools.parent), "-c", os.devnull, str(path)]
    return subprocess.run(
        command, env=environment(tools, **variables), cwd=tools.parent, capture_output=True, text=True, timeout=60
    )


def lab_up(tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = environment(tools, FRAISIER_LAB_FOLDER=str(tools.parent / "lab"))
    command = [sys.executable, "-m", "lab", "up", *arguments]
    return subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def test_where_tools_are_missing_the_tests_are_skipped_and_told_how_to_get_a_lab(tools: Path) -> None:
    done = pytest_run(tools)
    assert "1 passed, 1 skipped" in done.stdout
    assert "no lab: git, ssh, ssh-keygen missing; `hatch run lab:up` installs and starts it" in done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root is told what is missing to start an engine")
def test_where_no_engine_can_be_started_the_reason_says_what_is_missing(tools: Path) -> None:
    for tool in ("git", "ssh", "ssh-keygen"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    assert "no Docker engine answers, and docker, dockerd, debootstrap, ip" in pytest_run(tools).stdout


@pytest.mark.skipif(bool(daemon.problem()), reason="there is more to miss than what is unpacked")
def test_where_nothing_is_unpacked_tests_of_compose_are_skipped_and_told_how_to_get_it(tools: Path) -> None:
    folder = tools.parent / "lab"
    done = pytest_run(tools, test=COMPOSE_TEST, PATH=os.environ["PATH"], FRAISIER_LAB_FOLDER=str(folder))
    assert "1 skipped" in done.stdout
    assert f"docker-registry, busybox-static not unpacked in {folder / 'tools'}" in done.stdout
    assert "`hatch run lab:up` installs and starts it" in done.stdout
    assert not folder.exists()


def test_a_lab_that_is_off_has_no_engines_either(tools: Path) -> None:
    done = pytest_run(tools, test=COMPOSE_TEST, FRAISIER_LAB="off")
    assert "the lab is off (FRAISIER_LAB=off)" in done.stdout


def test_where_a_lab_is_required_its_absence_is_a_failure(tools: Path) -> None:
    done = pytest_run(tools, FRAISIER_LAB="required")
    assert "1 passed, 1 error" in done.stdout
    assert "FRAISIER_LAB=required, and there is no lab: git, ssh, ssh-keygen missing" in done.stdout


def test_a_lab_that_is_off_is_not_even_looked_for(tools: Path) -> None:
    done = pytest_run(tools, FRAISIER_LAB="off")
    assert "1 passed, 1 skipped" in done.stdout
    assert "the lab is off (FRAISIER_LAB=off)" in done.stdout


def test_a_mode_that_does_not_exist_is_refused(tools: Path) -> None:
    done = pytest_run(tools, FRAISIER_LAB="on")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "FRAISIER_LAB is 'on'; it can be auto, required, off" in done.stderr


def test_tests_that_need_a_host_have_the_marker_lab(tools: Path) -> None:
    assert "1 deselected" in pytest_run(tools, "-m", "not lab").stdout


def test_up_says_what_it_would_install_and_asks_before_it_does(tools: Path) -> None:
    (tools / "apt-get").symlink_to("/bin/false")
    done = lab_up(tools)
    assert done.returncode == 1
    assert "apt-get install --yes debian-archive-keyring debootstrap docker.io" in done.stdout
    refusal = "no terminal to ask on" if os.getuid() == 0 else "run these commands as root"
    assert refusal in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root installs")
def test_up_with_yes_installs_without_asking_and_tells_what_failed(tools: Path) -> None:
    (tools / "apt-get").symlink_to("/bin/false")
    done = lab_up(tools, "--yes")
    assert done.returncode == 1
    assert done.stderr == "lab: `apt-get update` failed\n"


def test_up_on_another_kind_of_machine_names_what_is_needed(tools: Path) -> None:
    done = lab_up(tools, "--yes")
    assert done.returncode == 1
    assert "this is neither Debian nor Ubuntu; install what has debian-archive-keyring, debootstrap" in done.stderr
