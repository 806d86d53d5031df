"""`import fraisier` is the contract: every name is there, and none is loaded before it is used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import fraisier
import pytest


def test_the_names_are_listed_once_and_the_same_everywhere() -> None:
    typed = {
        alias.name: statement.module
        for branch in ast.parse(Path(fraisier.__file__).read_text(encoding="utf-8")).body
        if isinstance(branch, ast.If)
        for statement in branch.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    mapped = {name: f"fraisier.contract.{module}" for name, module in fraisier._MODULE_OF.items()}
    assert typed == mapped
    assert sorted(mapped) == fraisier.__all__
    assert sum(map(len, fraisier._HOME.values())) == len(mapped)


@pytest.mark.parametrize("name", fraisier.__all__)
def test_a_public_name_is_what_its_module_defines(name: str) -> None:
    module = importlib.import_module(f"fraisier.contract.{fraisier._MODULE_OF[name]}")
    assert getattr(fraisier, name) is getattr(module, name)
    assert name in dir(fraisier)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'fraisier' has no attribute 'deploy'$"):
        fraisier.deploy  # noqa: B018 - asking for it is the point


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import fraisier", {"msgspec", "pluggy", "fraisier.contract", "fraisier.engine", "fraisier.cli"}),
        ("from fraisier import Secret", {"msgspec", "pluggy", "fraisier.engine", "subprocess"}),
        ("from fraisier import TargetError", {"msgspec", "pluggy", "fraisier.engine", "subprocess"}),
        ("from fraisier import hookimpl", {"msgspec", "fraisier.engine", "subprocess"}),
        ("from fraisier import *", {"fraisier.engine", "fraisier.cli", "yaml", "sqlite3", "rich", "typer"}),
    ],
)
def test_nothing_more_is_imported_than_a_name_needs(statement: str, absent: set[str]) -> None:
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    asked = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert absent.isdisjoint(asked.stdout.split())
