"""What a person reads: aligned columns, one line for each row, whatever the values hold."""

from __future__ import annotations

import re

import pytest

from .conftest import Cli

UGLY = "two\nlines, a \x1b[31mcolour\x1b[0m,\ta tab, \x07a bell\r and \u2028another line"


def test_columns_are_aligned_and_what_is_not_known_is_a_dash(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    out = cli("list").out
    when = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", out)
    assert when
    assert out.splitlines() == [
        "FRAISE  ENVIRONMENT  PROVIDER  TYPE  VERSION  STATUS   DEPLOYED AT",
        f"my_api  production   files     api   v1       success  {when[0]}",
        "my_api  staging      files     api   -        -        -",
        "worker  production   files     -     -        -        -",
    ]


def test_nothing_to_show_is_a_sentence(cli: Cli) -> None:
    assert cli("history").out == "nothing was deployed yet\n"
    assert cli("lock", "list").out == "nothing is locked\n"
    assert cli("logs", "my_api", "production").out == ""


def test_control_characters_do_not_tear_a_table(cli: Cli) -> None:
    cli("lock", "acquire", "my_api", "production", "-m", UGLY)
    out = cli("lock", "list").out
    assert len(out.splitlines()) == 2
    assert out.replace("\n", "").isprintable()
    assert "two lines, a  [31mcolour" in out
    (told,) = cli.json("lock", "list")
    assert told["reason"] == UGLY


def test_control_characters_do_not_tear_a_message(cli: Cli) -> None:
    cli("lock", "acquire", "my_api", "production", "-m", UGLY)
    said = cli.error("deploy", "my_api", "production", code=4)
    assert said.isprintable()
    assert "two lines" in said


def test_control_characters_do_not_tear_what_a_target_tells(cli: Cli) -> None:
    note = r'"two\nlines \e[31m"'
    cli.configure(
        f"fraises: {{a: {{providers: {{b: {{provider: files, config: {{path: there, note: {note}}}}}}}}}}}"
    )
    cli("deploy", "a", "b")
    table, note = cli("status", "a", "b").out.split("note: ")
    assert len(table.splitlines()) == 2
    assert note == "two lines  [31m\n"


@pytest.mark.parametrize("command", ["list", "status"])
def test_a_file_with_many_fraises_is_shown_in_its_order(cli: Cli, command: str) -> None:
    names = [f"f{number}" for number in (3, 1, 2)]
    one = "{providers: {production: {provider: files, config: {path: there}}}}"
    cli.configure("fraises:\n" + "".join(f"  {name}: {one}\n" for name in names))
    assert [line.split()[0] for line in cli(command).out.splitlines()[1:]] == names
