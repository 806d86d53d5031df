"""A command of a deployment that was killed goes on to its end, and is waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fraisier import TargetError, kill_group
from fraisier_compose.process import run
from fraisier_compose.unfinished import Unfinished

from .conftest import eventually

# What a deployment begins: it writes to both streams all the time, then `done`, unless it is told to stay.
COMMAND = """
echo $$ > pid
for each in 1 2 3 4; do echo $each; echo $each >&2; sleep 0.2; done
[ ! -e stay ] || sleep 60
echo done > done
"""
# Begins it, says so, and waits to be killed.
DEPLOYMENT = """
import os, sys
from pathlib import Path
from fraisier_compose.process import run
from fraisier_compose.unfinished import Unfinished
folder, command = Path(sys.argv[1]), ["sh", "-c", sys.argv[2]]
held = Unfinished(folder / "lock").hold()
begun = lambda line: print("begun", flush=True)
run(command, timeout=90, environment=os.environ, folder=folder, on_line=begun, inherited=[held])
"""


def kill_a_deployment(folder: Path) -> None:
    command = [sys.executable, "-c", DEPLOYMENT, str(folder), COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.kill()


def test_a_killed_deployments_command_ends_its_work_and_is_waited_for(tmp_path: Path) -> None:
    kill_a_deployment(tmp_path)
    assert not (tmp_path / "done").exists()
    Unfinished(tmp_path / "lock").wait(30)
    assert (tmp_path / "done").read_text() == "done\n"


def test_it_is_not_waited_for_forever(tmp_path: Path) -> None:
    (tmp_path / "stay").touch()
    kill_a_deployment(tmp_path)
    try:
        with pytest.raises(TargetError, match=r"still run after 0\.1 s"):
            Unfinished(tmp_path / "lock").wait(0.1)
    finally:
        kill_group(int((tmp_path / "pid").read_text()))
    Unfinished(tmp_path / "lock").wait(30)


def test_a_living_deployment_is_not_waited_for(tmp_path: Path) -> None:
    living, other = Unfinished(tmp_path / "lock"), Unfinished(tmp_path / "lock")
    living.hold()
    other.wait(30)
    living.wait(30)
    living.free()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="cannot write"):
        Unfinished(tmp_path / "file" / "lock").hold()


def test_a_command_keeps_its_deadline_and_leaves_nothing(tmp_path: Path) -> None:
    script = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/pid; wait; sleep 60"
    with pytest.raises(TimeoutError):
        run(["sh", "-c", script], timeout=0.3, environment=os.environ, folder=tmp_path)
    pid = int((tmp_path / "pid").read_text())
    assert eventually(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())


def test_both_streams_are_kept_and_heard(tmp_path: Path) -> None:
    heard: list[str] = []
    script = "read line; echo out $line; echo err >&2; printf 'no end'; exit 3"
    done = run(
        ["sh", "-c", script],
        timeout=10,
        environment=os.environ,
        folder=tmp_path,
        stdin=b"given\n",
        on_line=heard.append,
    )
    assert (done.exit_code, done.text, done.stderr) == (3, "out given\nno end", "err\n")
    assert sorted(heard) == ["err", "no end", "out given"]


def test_a_child_that_stays_is_not_waited_for(tmp_path: Path) -> None:
    done = run(["sh", "-c", "sleep 60 & echo $$"], timeout=60, environment=os.environ, folder=tmp_path)
    kill_group(int(done.text))
