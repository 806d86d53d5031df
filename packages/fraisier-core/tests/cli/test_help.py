from __future__ import annotations

import re

import pytest
from fraisier.cli.main import run

COMMANDS = [
    "init",
    "validate",
    "schema",
    "list",
    "providers",
    "provider-info",
    "provider-test",
    "deploy",
    "rollback",
    "status",
    "health",
    "logs",
    "history",
    "lock",
]
LOCK_COMMANDS = ["lock list", "lock acquire", "lock break"]


def listed(text: str) -> list[str]:
    return re.findall(r"^  ([a-z-]+) ", text.partition("\nCommands:\n")[2], flags=re.MULTILINE)


def test_the_help_lists_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert listed(capfd.readouterr().out) == COMMANDS
    assert run(["lock", "--help"]) == 0
    assert [f"lock {name}" for name in listed(capfd.readouterr().out)] == LOCK_COMMANDS


@pytest.mark.parametrize("command", [*COMMANDS, *LOCK_COMMANDS])
def test_the_help_of_every_command_says_what_it_does_and_what_its_options_are(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--help"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    usage, sentence, *_ = out.split("\n\n")
    assert usage.startswith(f"Usage: fraisier {command} ")
    assert re.match(r"  [A-Z].*[^\s]", sentence)
    # An option without a sentence would end its line there.
    assert not re.search(r"^  (-.*[a-z]|-.*[A-Z]{2,})$\n(?!   )", out, flags=re.MULTILINE)
    assert run([*command.split(), "-h"]) == 0


def test_the_version_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"fraisier \d+\.\d+\.\d+\S*\n", capfd.readouterr().out)
