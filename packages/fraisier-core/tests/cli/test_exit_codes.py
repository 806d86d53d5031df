"""What each exit code stands for, from 0 to 10, and 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier.engine import reading

from .conftest import Cli

AB = "fraises: {a: {providers: {b: {provider: %s, config: {path: there%s}}}}}"


def failing(cli: Cli, version: str, code: int, *options: str) -> str:
    """Deploy a version that fails over v1, and return the last sentence on stderr."""
    cli("deploy", "my_api", "production", "--version", "v1")
    said = cli("deploy", "my_api", "production", "--version", version, *options, code=code)
    assert said.out == ""
    (line,) = (line for line in said.err.splitlines() if line.startswith("fraisier: my_api"))
    return line


def test_0_is_done(cli: Cli) -> None:
    assert cli("deploy", "my_api", "production", "--version", "v1").out.startswith(
        "my_api production: deployed v1"
    )
    assert "already at v1 (r-v1), nothing done" in cli("deploy", "my_api", "production").out


def test_1_is_a_defect_told_without_a_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(_: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr(reading, "listed", defect)
    assert cli.error("list", code=1) == "internal error: ValueError: two lines; rerun with --trace"
    traced = cli("list", "--trace", code=1)
    assert traced.out == ""
    assert traced.err.startswith("Traceback (most recent call last):")
    assert traced.err.endswith("fraisier: internal error: ValueError: two lines; rerun with --trace\n")


def test_2_is_wrong_usage(cli: Cli) -> None:
    cli.error("deploy", "my_api", code=2)


def test_3_is_a_wrong_file(cli: Cli) -> None:
    cli.configure("fraises: {a: {providers: {b: {provider: files, confg: {}}}}}")
    assert "fraises.yaml:1: fraises.a.providers.b.confg" in cli.error("deploy", "a", "b", code=3)


def test_4_is_locked(cli: Cli) -> None:
    cli("lock", "acquire", "my_api", "production", "-m", "moving house")
    assert "moving house" in cli.error("deploy", "my_api", "production", code=4)


def test_5_is_a_failed_pre_flight(cli: Cli) -> None:
    cli.configure(AB % ("files", ", ready: false"))
    said = cli("deploy", "a", "b", code=5)
    assert said.err.splitlines()[-2:] == [
        "fraisier: pre-flight failed: ready: ready is False; set ready to true",
        "  ready: ready is False; set ready to true",
    ]
    cli("provider-test", "a", "b", code=5)
    cli("deploy", "a", "b", "--dry-run", code=5)


def test_5_is_also_a_target_that_cannot_be_asked(cli: Cli) -> None:
    cli.configure(AB % ("files", ", note: asleep"))
    assert "pre-flight failed: nobody answers; wake it up" in cli("deploy", "a", "b", code=5).err


def test_6_leaves_the_old_version_in_service(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    said = cli("deploy", "my_api", "production", "--version", "missing", code=6)
    assert said.err.splitlines()[-5:] == [
        'fraisier: there is no version "missing"; the old version is still in service',
        "  the command was: fetch missing",
        "  the last 2 lines of its log:",
        "  | asked",
        "  | got nothing",
    ]
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"


def test_7_is_not_healthy_where_nothing_was_to_be_rolled_back(cli: Cli) -> None:
    said = failing(cli, "broken", 7, "--no-rollback")
    assert "broken is down; it stays in service, as --no-rollback asks; see: fraisier logs" in said
    cli("health", "my_api", "production", code=7)
    cli("deploy", "worker", "production", "--version", "broken", code=7)


def test_8_is_failed_and_rolled_back(cli: Cli) -> None:
    said = failing(cli, "broken", 8)
    assert "broken is down; rolled back to v1 (r-v1); see: fraisier logs my_api production" in said
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"


def test_9_is_a_rollback_that_failed(cli: Cli) -> None:
    said = failing(cli, "stuck", 9)
    assert "stuck is down; going back to v1 (r-v1) failed too: the service cannot be replaced" in said


def test_9_is_also_a_rollback_to_nowhere(cli: Cli) -> None:
    assert "no earlier successful release" in cli("rollback", "my_api", "production", code=9).err


@pytest.mark.parametrize("command", [["deploy", "a", "b"], ["validate"], ["provider-info", "filez"]])
def test_10_is_a_provider_that_is_missing(cli: Cli, command: list[str]) -> None:
    cli.configure(AB % ("filez", ""))
    assert cli.error(*command, code=10) == 'no provider named "filez" is installed; did you mean "files"?'


def test_10_is_also_a_provider_that_fails_with_an_error_of_its_own(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    said = cli("deploy", "my_api", "production", "--version", "buggy", code=10)
    assert said.err.splitlines()[-1] == (
        "fraisier: provider \"files\" (acme-files 1.2.3) failed in deploy: it raised KeyError: 'no such key'; "
        "rerun with --trace"
    )


def test_130_is_interrupted_with_the_old_version_back_in_service(cli: Cli) -> None:
    said = failing(cli, "slow", 130)
    assert said == ("fraisier: my_api production was interrupted by SIGINT; v1 (r-v1) is back in service")
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"
    assert cli.json("history", "-n", "1")[0]["status"] == "interrupted"


@pytest.fixture
def interrupting() -> Callable[..., None]:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    return interrupt


def test_130_is_also_the_end_of_a_command_that_only_looks(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, interrupting: Callable[..., None]
) -> None:
    monkeypatch.setattr(reading, "status", interrupting)
    assert cli.error("status", "my_api", "production", code=130) == "interrupted by Ctrl-C"
    assert cli.json("status", "my_api", "production", code=130)["error"]["kind"] == "interrupted"


@pytest.mark.parametrize(
    "command",
    ["lambda _: {cleaning} and 3", "lambda _: sys.exit({cleaning} and 3)"],
    ids=["returned", "raised"],
)
def test_the_process_ends_with_the_code_after_all_cleaning_up(command: str) -> None:
    command = command.format(cleaning="atexit.register(print, 'cleaned up')")
    program = f"import atexit, sys; from fraisier.cli import main; main.run = {command}; main.main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("cleaned up\n", "", 3)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_an_answer_that_cannot_be_written_is_no_success() -> None:
    program = "from fraisier.cli import main; main.run = lambda _: print('an answer') or 0; main.main()"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=buffered, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 120
    assert "No space left on device" in done.stderr
