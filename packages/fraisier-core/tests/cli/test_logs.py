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
