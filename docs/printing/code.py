"""Code of this repository, as the pages show it: never copied, always read from where it runs."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def print_file(path: str) -> None:
    """Print a whole file."""
    kind = {".py": "python", ".toml": "toml"}[Path(path).suffix]
    print(f"```{kind}\n{(ROOT / path).read_text('utf-8').rstrip()}\n```")


def print_code(path: str, *names: str) -> None:
    """Print functions and classes of a file by their names, with decorators."""
    text = (ROOT / path).read_text("utf-8")
    found = {each.name: each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    print("```python\n" + "\n\n\n".join(_source(text, found[name]) for name in names) + "\n```")


def _source(text: str, definition: ast.FunctionDef | ast.ClassDef) -> str:
    first = min([definition.lineno, *(each.lineno for each in definition.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : definition.end_lineno])
