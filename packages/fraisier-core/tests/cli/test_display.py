"""Progress on stderr: plain lines in a log, a live display on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import START, Cli

DEPLOY = ["deploy", "my_api", "production", "--version"]


class Terminal:
    """A command line of fraisier on a terminal of its own."""

    def __init__(self, cli: Cli, *arguments: str, **variables: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 100))
        environment = {**cli.environment(), "TERM": "xterm-256color", **variables}
        for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            if name not in variables:
                environment.pop(name, None)
        # Whoever runs the tests may ignore the end of their terminal (nohup), and children inherit that.
        heeding = "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.login_tty(0)"
        command = [sys.executable, "-c", f"{heeding}; {START}", *arguments]
        self.process = subprocess.Popen(command, cwd=cli.folder, env=environment, stdin=slave)
        os.close(slave)
        self.shown = ""

    def until(self, pattern: str) -> None:
        """Read until the pattern is shown."""
        deadline = time.monotonic() + 30
        while not re.search(pattern, self.shown):
            assert time.monotonic() < deadline, f"{pattern} was not shown: {self.shown}"
            assert self._more(), f"it ended without {pattern}: {self.shown}"

    def ended(self) -> int:
        """Read to the end and return the exit code."""
        while self._more():
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _more(self) -> bool:
        if not select.select([self._master], [], [], 30)[0]:
            return False
        try:
            self.shown += os.read(self._master, 65536).decode()
        except OSError:
            return False
        return True


On = Callable[..., Terminal]


@pytest.fixture
def on_terminal(cli: Cli) -> Iterator[On]:
    opened: list[Terminal] = []

    def start(*arguments: str, **variables: str) -> Terminal:
        opened.append(Terminal(cli, *arguments, **variables))
        return opened[-1]

    yield start
    for each in opened:
        each.process.kill()
        each.process.wait()
        each.close()


@pytest.fixture
def gate(cli: Cli) -> Path:
    """What the version `held` waits for in its step: that somebody writes here."""
    return cli.folder / "gate"


def test_elsewhere_than_on_a_terminal_it_is_a_plain_line_for_everything(cli: Cli) -> None:
    said = cli(*DEPLOY, "v1")
    plain = re.sub(r"\d+\.\d s", "0.0 s", said.err)
    assert plain.splitlines() == [
        "pre-flight ...",
        "fraisier: warning: spare: there is no spare",
        "pre-flight: ok (0.0 s)",
        "install ...",
        "  | installing v1",
        "install: ok (0.0 s)",
        "health ...",
        "health: ok (0.0 s)",
    ]
    assert re.fullmatch(r"my_api production: deployed v1 \(r-v1\) with files in \d+\.\d s\n", said.out)


def test_a_failed_step_is_told_as_such(cli: Cli) -> None:
    cli(*DEPLOY, "v1")
    said = cli(*DEPLOY, "broken", code=8)
    assert re.search(r"^health \.\.\.\n  \| broken is down\nhealth: failed \(", said.err, flags=re.MULTILINE)
    assert re.search(r"^roll back to v1 \(r-v1\): ok \(", said.err, flags=re.MULTILINE)


def test_on_a_terminal_each_step_leaves_a_line_with_its_time(on_terminal: On) -> None:
    terminal = on_terminal(*DEPLOY, "v1")
    assert terminal.ended() == 0
    for step in ("pre-flight", "install", "health"):
        assert re.search(rf"\x1b\[32m✓ {step}\x1b\[0m\S*  \d+\.\d s", terminal.shown)
    assert "..." not in terminal.shown
    assert terminal.shown.endswith(" s\r\n")
    assert "my_api production: deployed v1 (r-v1) with files in " in terminal.shown.splitlines()[-1]


def test_on_a_terminal_the_open_step_has_a_running_clock_and_its_last_line(on_terminal: On, gate: Path) -> None:
    terminal = on_terminal(*DEPLOY, "held")
    terminal.until(r"install \S*0\.[1-9] s")
    terminal.until(r"│ installing held")
    gate.write_text("go")
    assert terminal.ended() == 7


def test_on_a_terminal_a_failed_step_shows_its_output(cli: Cli, on_terminal: On) -> None:
    cli(*DEPLOY, "v1")
    terminal = on_terminal(*DEPLOY, "broken")
    assert terminal.ended() == 8
    assert re.search(r"✗ health.*\r\n.*│ broken is down", terminal.shown)
    last = terminal.shown.partition("fraisier: my_api:production is not healthy")[2]
    assert "rolled back to v1 (r-v1)" in last
    assert "  | serving broken\r\n" in last


def test_without_colours_the_display_is_live_all_the_same(on_terminal: On) -> None:
    terminal = on_terminal(*DEPLOY, "v1", NO_COLOR="1")
    assert terminal.ended() == 0
    assert "✓ install" in terminal.shown
    # Colours are 30 to 37, 90 to 97 and 38;...; bold (1) and dim (2) are none.
    assert not re.search(r"\x1b\[(\d+;)*[39]\d", terminal.shown)


@pytest.mark.parametrize("variables", [{"CI": "true"}, {"TERM": "dumb"}])
def test_a_terminal_that_keeps_what_was_drawn_gets_plain_lines(on_terminal: On, variables: dict[str, str]) -> None:
    terminal = on_terminal(*DEPLOY, "v1", **variables)
    assert terminal.ended() == 0
    assert "install ...\r\n" in terminal.shown
    assert "\x1b" not in terminal.shown


def test_a_terminal_that_is_closed_interrupts_and_the_old_version_is_put_back(
    cli: Cli, on_terminal: On, gate: Path
) -> None:
    cli(*DEPLOY, "v1")
    terminal = on_terminal(*DEPLOY, "held")
    terminal.until("installing held")
    terminal.close()
    assert terminal.process.wait(timeout=30) == 130
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"
    (told, *_) = cli.json("history")
    assert told["status"] == "interrupted"
    assert told["error"]["message"].endswith("was interrupted by SIGHUP; v1 (r-v1) is back in service")


@pytest.mark.parametrize(("options", "told"), [([], False), (["-v"], True), (["--verbose"], True)])
def test_a_target_says_more_when_it_is_asked_to(cli: Cli, options: list[str], told: bool) -> None:
    said = cli("deploy", "my_api", "production", "--version", "v1", *options).err
    assert "  | installing v1\n" in said
    assert ("  | to its last detail\n" in said) is told
