"""`fraisier lock`: a freeze by hand keeps every deployment out, until it is broken."""

from __future__ import annotations

import pytest

from .conftest import Cli


@pytest.fixture
def frozen(cli: Cli) -> Cli:
    cli("deploy", "my_api", "production", "--version", "v1")
    cli("deploy", "my_api", "production", "--version", "v2")
    out = cli("lock", "acquire", "my_api", "production", "-m", "moving house").out
    assert out == "my_api production is locked; to undo: fraisier lock break my_api production\n"
    return cli


@pytest.mark.parametrize(
    "command",
    [
        ["deploy", "my_api", "production", "--version", "v1"],
        ["deploy", "my_api", "production", "--version", "v1", "--force"],
        ["rollback", "my_api", "production"],
        ["lock", "acquire", "my_api", "production", "-m", "me too"],
    ],
)
def test_what_would_change_a_frozen_target_is_told_who_froze_it_and_why(frozen: Cli, command: list[str]) -> None:
    (lock,) = frozen.json("lock", "list")
    said = frozen.error(*command, code=4)
    assert said.startswith(f"my_api:production is frozen by {lock['holder']} since {lock['locked_at'][:19]}Z (")
    assert said.endswith(
        " s ago): moving house; wait with --wait-lock 15m, or: fraisier lock break my_api production"
    )
    assert frozen.json("status", "my_api", "production")[0]["version"] == "v2"
    assert len(frozen.json("history")) == 2


@pytest.mark.parametrize("command", ["status", "health", "logs", "provider-test"])
def test_a_frozen_target_can_be_looked_at(frozen: Cli, command: str) -> None:
    frozen(command, "my_api", "production")
    frozen("deploy", "my_api", "production", "--dry-run")


def test_only_that_target_is_frozen(frozen: Cli) -> None:
    frozen("deploy", "my_api", "staging", "--version", "v1")


def test_a_freeze_is_listed_and_broken(frozen: Cli) -> None:
    heading, line = frozen("lock", "list").out.splitlines()
    assert heading.split()[:4] == ["FRAISE", "ENVIRONMENT", "HOLDER", "PID"]
    assert line.startswith("my_api  production   ")
    assert line.endswith("  -           moving house")
    (lock,) = frozen.json("lock", "list")
    said = frozen("lock", "break", "my_api", "production").out
    assert said == f"broke the lock of {lock['holder']} on my_api production\n"
    assert frozen("lock", "break", "my_api", "production").out == "my_api production was not locked\n"
    frozen("deploy", "my_api", "production", "--version", "v1")


def test_waiting_says_what_for_and_gives_up_in_time(frozen: Cli) -> None:
    said = frozen("deploy", "my_api", "production", "--wait-lock", "0s", code=4)
    assert len(said.err.splitlines()) == 1
    waited = frozen("deploy", "my_api", "production", "--wait-lock", "1s", code=4).err.splitlines()
    assert waited[0].startswith("fraisier: waiting: my_api:production is frozen by ")
    assert len(waited) == 2
