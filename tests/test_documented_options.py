"""Every provider of this repository documents its options, in the manual or its README, and no others."""

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.validation import validate

ROOT = Path(__file__).resolve().parent.parent


def providers() -> list[Any]:
    """Return the name of each provider, the README of its package, and its options."""
    found = []
    for project in sorted([*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("examples/*/pyproject.toml")]):
        entry_points = tomllib.loads(project.read_text("utf-8"))["project"].get("entry-points", {})
        for name, value in entry_points.get("fraisier.providers", {}).items():
            module = EntryPoint(name, value, "fraisier.providers").load()
            page = ROOT / "docs" / "providers" / f"{name.replace('_', '-')}.md"
            readme = (page if page.exists() else project.with_name("README.md")).read_text("utf-8")
            found.append(pytest.param(readme, module.Options, id=name))
    return found


def rows(readme: str) -> dict[str, list[str]]:
    """Return the table of options: the columns after the name, by name."""
    table = readme.partition("| option | type | default | meaning |\n")[2].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[1:]]
    return {name.strip("` "): cells for name, *cells in lines}


@pytest.mark.parametrize(("readme", "options"), providers())
def test_the_options_and_their_defaults_are_documented(readme: str, options: type[msgspec.Struct]) -> None:
    documented = rows(readme)
    assert list(documented) == sorted(documented, key=options.__struct_fields__.index)
    assert documented.keys() == set(options.__struct_fields__)
    for field in msgspec.structs.fields(options):
        kind, default, meaning = documented[field.encode_name]
        assert kind
        assert meaning
        assert (default == "required") == field.required
        if isinstance(field.default, bool):
            assert default == f"`{str(field.default).lower()}`"
        elif isinstance(field.default, int | float):
            assert float(default) == field.default


@pytest.mark.parametrize(("readme", "options"), providers())
def test_the_example_of_a_file_is_right(readme: str, options: type[msgspec.Struct], tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(fraises:.*?)```", readme, flags=re.DOTALL)
    assert example is not None
    path = tmp_path / "fraises.yaml"
    path.write_text(example[1], encoding="utf-8")
    place = next(iter(validate(path, Redactor(), pytest.fail).places.values()))
    required = {field.encode_name for field in msgspec.structs.fields(options) if field.required}
    assert required <= place.options.keys()
