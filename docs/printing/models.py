"""What crosses the border between core and a provider, from the classes themselves."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from typing import Any, Literal, get_origin

import fraisier
import msgspec
from fraisier.contract import models as contract


def models() -> list[type[msgspec.Struct]]:
    """Return every struct of the contract that is public, in the order of the source."""
    return [
        each
        for each in vars(contract).values()
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__name__ in fraisier.__all__
    ]


def print_models() -> None:
    """Print a section with a table of fields for each model."""
    for model in models():
        print(f"### `{model.__name__}`\n\n{_paragraphs(model)}\n")
        print_fields(model)
        print()


def print_fields(model: type[msgspec.Struct]) -> None:
    """Print the table of a model's fields."""
    said = _said_of_fields(model)
    print("| field | type | default | meaning |\n|---|---|---|---|")
    for field in msgspec.structs.fields(model):
        cells = [f"`{field.name}`", f"`{_type(model, field.name)}`", _default(field), said.get(field.name, "")]
        print(f"| {' | '.join(cells)} |")


def public_errors() -> list[str]:
    """Return the names of the errors that `import fraisier` offers, but for their root, by exit code."""
    public = [getattr(fraisier, name) for name in fraisier.__all__]
    found = [each for each in public if isinstance(each, type) and issubclass(each, fraisier.FraisierError)]
    concrete = [each for each in found if each is not fraisier.FraisierError]
    return [each.__name__ for each in sorted(concrete, key=lambda each: each.exit_code)]


def print_errors(*names: str) -> None:
    """Print a table of errors, with the exit codes that they mean by themselves."""
    print("| error | exit code | when |\n|---|---|---|")
    for name in names:
        each: type[fraisier.FraisierError] = getattr(fraisier, name)
        said = _paragraphs(each).partition("\n\n")[0]
        print(f"| `{name}` | {each.exit_code} | {' '.join(said.split())} |")


def print_class(each: type, *methods: str) -> None:
    """Print what a class says of itself, and some of its methods with their signatures."""
    print(f"### `{each.__name__}`\n\n{_paragraphs(each)}\n")
    print("| method | what it does |\n|---|---|")
    for name in methods:
        method = getattr(each, name)
        signature = str(inspect.signature(method)).replace("(self, ", "(").replace("(self)", "()").replace("'", "")
        first = (inspect.getdoc(method) or "").partition("\n\n")[0]
        print(f"| `{name}{signature}` | {' '.join(first.split())} |".replace(" | None", " \\| None"))
    print()


def _type(model: type, field: str) -> str:
    """Return an annotation as it is written, with the names that are no public ones spelt out."""
    kind = str(inspect.get_annotations(model)[field])
    for name, alias in vars(contract).items():
        if get_origin(alias) is Literal:
            kind = re.sub(rf"\b{name}\b", str(alias).removeprefix("typing."), kind)
    return kind.replace("UTC", "datetime").replace("|", "\\|")


def _default(field: Any) -> str:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{field.default_factory()!r}`"
    return f"`{field.default!r}`"


def _paragraphs(each: type) -> str:
    return (inspect.getdoc(each) or "").partition("\n\nArgs:")[0]


def _said_of_fields(model: type) -> dict[str, str]:
    """Return the texts that stand below the fields in the source."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    found = {}
    for field, below in pairwise(ast.iter_child_nodes(definition)):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found
