"""The scripts that run on a host: each is given the variables that it says to take, and it takes what it uses."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from fraisier import Secret
from fraisier_bare_metal.script import composed, hides

SCRIPTS = files("fraisier_bare_metal") / "scripts"
NAMES = sorted(file.name.removesuffix(".sh") for file in SCRIPTS.iterdir() if file.name.endswith(".sh"))
FUNCTION = re.compile(r"^(\w+)\(\) (\{[^\n]*\}$|\{.*?\n\})", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r"(?:^|[\s;&({|])([a-z_]+)=|\bfor ([a-z_]+)\b|\bread -r ([a-z_ ]+)", re.MULTILINE)


@cache
def code(path: str) -> str:
    lines = (SCRIPTS / f"{path}.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def prelude() -> str:
    names = sorted(file.name.removesuffix(".sh") for file in (SCRIPTS / "prelude").iterdir())
    return "\n".join(code(f"prelude/{name}") for name in names)


def reached(script: str) -> str:
    """Return a script with all that it calls of the prelude, and what the prelude does by itself."""
    functions = {match[1]: match[2] for match in FUNCTION.finditer(prelude())}
    text, wanted = f"{code(script)}\n{FUNCTION.sub('', prelude())}", set(functions)
    while called := {each for each in wanted if re.search(rf"(?<![\w$/.-]){each}\b(?!=)", text)}:
        wanted -= called
        text += "\n".join(["", *(functions[each] for each in called)])
    return text


def taken(script: str) -> set[str]:
    text = (SCRIPTS / f"{script}.sh").read_text(encoding="utf-8")
    return {name for line in re.findall(r"^# Takes: (.*)$", text, re.MULTILINE) for name in line.split()}


@pytest.mark.parametrize("script", [name for name in NAMES if name != "agent"])
def test_a_script_uses_what_it_takes_or_has_set_and_takes_nothing_else(script: str) -> None:
    text = reached(script)
    used = set(re.findall(r"\$\{?([a-z_]{2,})", text))
    assigned = {name for match in ASSIGNED.findall(text) for each in match for name in each.split()}
    assert used - assigned - taken("prelude/settings") - taken(script) <= {"fraisier_prelude"}
    assert taken(script) <= used


def test_a_script_is_given_what_it_takes_and_no_other_variable() -> None:
    values: dict[str, Any] = dict.fromkeys(taken("prelude/settings"), "")
    values |= {"command": Secret("it's"), "seconds": 5, "git_token": Secret("t0ken")}
    text = composed("probe", values)
    assert "command='it'\"'\"'s'\nseconds=5\n" in text
    assert "t0ken" not in text
    assert (hides("probe", values), hides("look", values)) == (True, False)
    del values["seconds"]
    with pytest.raises(KeyError, match="seconds"):
        composed("probe", values)
