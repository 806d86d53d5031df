"""Wrong usage: one line on stderr that says what was meant, exit code 2, nothing done."""

from __future__ import annotations

import json

import pytest
from fraisier.cli.main import run

from .conftest import Cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deplyo"], "no such command 'deplyo'. Did you mean 'deploy'?; see: fraisier --help"),
        (["--nonsense"], "no such option: --nonsense; see: fraisier --help"),
        (["lock"], "missing command; see: fraisier lock --help"),
        (["lock", "brek"], "no such command 'brek'. Did you mean 'break'?; see: fraisier lock --help"),
        (["deploy"], "missing argument 'fraise'; see: fraisier deploy --help"),
        (["deploy", "my_api"], "missing argument 'environment'; see: fraisier deploy --help"),
        (
            ["deploy", "my_api", "production", "v2"],
            "got unexpected extra argument(s) (v2); see: fraisier deploy --help",
        ),
        (
            ["deploy", "my_api", "production", "--version"],
            "option '--version' requires an argument; see: fraisier --help",
        ),
        (
            ["deploy", "my_api", "production", "--version", " "],
            "invalid value: --version must not be empty; see: fraisier deploy --help",
        ),
        (
            ["deploy", "my_api", "production", "--version", "v\udcff"],
            "the argument 'v\\udcff' is no text in UTF-8",
        ),
        (
            ["deploy", "my_api", "production", "--wait-lock", "soon"],
            "'soon' is not a duration; write it like 90s, 15m, 1h30m or 2d",
        ),
        (
            ["history", "-n", "0"],
            "invalid value for '--number' / '-n': 0 is not in the range x>=1; see: fraisier history --help",
        ),
        (
            ["history", "--since", "yesterday"],
            '--since "yesterday" is neither a time nor a duration; '
            "such as 15m, 2d, 2026-11-23 or 2026-11-23T10:00",
        ),
        (
            ["logs", "my_api", "production", "-n", "-1"],
            "invalid value for '--lines' / '-n': -1 is not in the range x>=0; see: fraisier logs --help",
        ),
        (
            ["logs", "my_api", "production", "-f", "--json"],
            "--json prints one document, which --follow never ends; leave one of them out",
        ),
        (
            ["lock", "acquire", "my_api", "production"],
            "missing option '--message' / '-m'; see: fraisier lock acquire --help",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(cli: Cli, arguments: list[str], message: str) -> None:
    if "--json" in arguments:
        said = cli(*arguments, code=2)
        assert message in said.err
        assert message in json.loads(said.out)["error"]["message"]
    else:
        assert cli.error(*arguments, code=2) == message


NAMED = ["deploy", "rollback", "status", "health", "logs", "history", "provider-test", "lock break"]


@pytest.mark.parametrize("command", NAMED)
def test_an_unknown_fraise_is_told_with_the_nearest_one(cli: Cli, command: str) -> None:
    said = cli.error(*command.split(), "my_ap", "production", code=2)
    assert said == 'no fraise "my_ap" in fraises.yaml; did you mean "my_api"?'


@pytest.mark.parametrize("command", NAMED)
def test_an_unknown_environment_is_told_with_the_nearest_one(cli: Cli, command: str) -> None:
    said = cli.error(*command.split(), "my_api", "prod", code=2)
    assert said == 'no environment "prod" of my_api in fraises.yaml; did you mean "production"?'


def test_an_unknown_fraise_is_refused_before_a_lock_is_set(cli: Cli) -> None:
    cli.error("lock", "acquire", "my_ap", "production", "-m", "why", code=2)
    assert cli.json("lock", "list") == []


def test_a_version_to_go_back_to_that_nobody_knows_is_told_with_those_known(cli: Cli) -> None:
    for version in ("v1", "v2"):
        cli("deploy", "my_api", "production", "--version", version)
    said = cli("rollback", "my_api", "production", "--to", "v7", code=2)
    assert said.err.splitlines()[-1] == (
        'fraisier: no successful release "v7" of my_api:production is known; known: v2 (r-v2), v1 (r-v1)'
    )


def test_nothing_at_all_shows_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Usage: fraisier ")
    assert "deploy" in err
