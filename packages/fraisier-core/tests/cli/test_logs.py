from __future__ import annotations

import pytest

from .conftest import Cli

LOGS = ["logs", "my_api", "production"]


@pytest.fixture
def talking(cli: Cli) -> Cli:
    """A service with a log of three lines."""
    for version in ("v1", "v2", "v1"):
        cli("deploy", "my_api", "production", "--version", version)
    return cli


@pytest.mark.parametrize(
    ("number", "lines"),
    [("0", []), ("1", ["v1"]), ("2", ["v2", "v1"]), ("3", ["v1", "v2", "v1"]), ("100000", ["v1", "v2", "v1"])],
)
@pytest.mark.parametrize("option", ["-n", "--lines"])
def test_at_most_so_many_of_the_last_lines_are_shown(
    talking: Cli, option: str, number: str, lines: list[str]
) -> None:
    assert talking(*LOGS, option, number).out.splitlines() == [f"serving {version}" for version in lines]


def test_ctrl_c_is_the_way_to_end_following_and_no_failure(talking: Cli) -> None:
    said = talking(*LOGS, "-f", "-n", "1")
    assert (said.out, said.err) == ("serving v1\n", "")
    assert talking(*LOGS, "--follow", "-n", "0").out == ""


@pytest.mark.parametrize(("options", "lines"), [([], 1_000_000), (["-n", "7"], 7)])
def test_since_a_moment_all_lines_are_shown_unless_a_number_is_given(
    cli: Cli, options: list[str], lines: int
) -> None:
    said = cli(*LOGS, "--since", "2026-11-23T10:00Z", *options)
    assert said.out == f"asked for {lines} lines since 2026-11-23T10:00:00+00:00\n"


def test_a_moment_that_cannot_be_read_is_a_mistake_in_usage(cli: Cli) -> None:
    said = cli(*LOGS, "--since", "yesterday", code=2)
    assert said.err.startswith('fraisier: --since "yesterday" is neither a time nor a duration; such as 15m')
