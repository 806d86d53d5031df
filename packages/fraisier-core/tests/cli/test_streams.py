"""Readers that leave, streams that are closed, disks that are full: no traceback, and the work is done."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from .conftest import START, Cli

DEPLOY = ["deploy", "my_api", "production", "--version"]


def shell(cli: Cli, line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which "$@" is a command line of fraisier."""
    command = ["bash", "-c", f"set -o pipefail; {line}", "bash", sys.executable, "-c", START, *arguments]
    return subprocess.run(
        command, cwd=cli.folder, env=cli.environment(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], 0),
        (["list", "--json"], 0),
        (["schema"], 0),
        (["health", "my_api", "production"], 7),
        (["list", "-c", "nowhere.yaml", "--json"], 3),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(cli: Cli, arguments: Sequence[str], code: int) -> None:
    # `true` may end after what is written to it: the reader of this pipe has ended before.
    done = shell(cli, 'exec 3> >(exit 0); wait $!; "$@" >&3', *arguments)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == (1 if code == 3 else 0)


def test_following_a_log_ends_when_nobody_reads_it(cli: Cli) -> None:
    cli.configure("fraises: {a: {providers: {b: {provider: files, config: {path: there, note: endless}}}}}")
    done = shell(cli, 'timeout 30 "$@" | head -n 2', "logs", "a", "b", "-f")
    assert (done.stdout, done.stderr, done.returncode) == ("tick\ntick\n", "", 0)


@pytest.mark.parametrize("stderr", ["2> >(exit 0)", "2>&-", "2>/dev/full"])
def test_a_deployment_goes_on_where_its_progress_cannot_be_shown(cli: Cli, stderr: str) -> None:
    if stderr == "2>/dev/full" and sys.platform != "linux":
        pytest.skip("needs /dev/full")
    cli(*DEPLOY, "v1")
    done = shell(cli, f'"$@" {stderr}', *DEPLOY, "broken", "--json")
    assert done.returncode == 8
    assert json.loads(done.stdout)["status"] == "rolled_back"
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"


def test_an_answer_that_nobody_wants_is_left_out(cli: Cli) -> None:
    done = shell(cli, '"$@" >&-', *DEPLOY, "v1")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert cli.json("history")[0]["status"] == "success"
