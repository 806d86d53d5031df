"""What the contract kit asks of a provider."""

from __future__ import annotations

import ast
from pathlib import Path

import fraisier.testing


def kit_tests() -> list[str]:
    """Return the names of the kit's tests, in their order; the kit is read, not imported: it needs pytest."""
    text = Path(fraisier.testing.__file__).with_name("contract.py").read_text("utf-8")
    functions = [each.name for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef)]
    return [name for name in functions if name.startswith("test_")]


def print_kit() -> None:
    """Print every test as the sentence that its name is."""
    for name in kit_tests():
        sentence = name.removeprefix("test_").replace("_", " ").replace("pre flight", "`pre_flight`")
        print(f"- {sentence}")
