import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("rich", "sqlite3", "sqlite_utils", "yaml", "requests", "fabric", "fraisier_local")

PRINT_LOADED = """
import sys
from fraisier.cli.main import run
code = run(sys.argv[1:])
print("loaded:", *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
print("code:", code, file=sys.stderr)
"""


def loaded_by(*arguments: str, cwd: Path | None = None) -> set[str]:
    watched = (*HEAVY, "msgspec", "pluggy", "fraisier.engine")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PRINT_LOADED.format(heavy=watched),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=cwd,
    )
    line = next(line for line in done.stderr.splitlines() if line.startswith("loaded:"))
    return set(line.split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["deploy", "--help"], ["lock", "--help"], ["--version"]])
def test_help_loads_nothing_of_the_engine_nor_of_any_library_but_typer(arguments: list[str]) -> None:
    assert loaded_by(*arguments) == set()


def test_listing_providers_imports_no_provider() -> None:
    assert loaded_by("providers").isdisjoint(HEAVY)


def test_a_bad_file_is_told_without_loading_the_state_or_any_provider(tmp_path: Path) -> None:
    (tmp_path / "fraises.yaml").write_text("fraises: {api: {typ: web}}\n")
    assert loaded_by("list", cwd=tmp_path).isdisjoint({"sqlite_utils", "rich", "requests", "fraisier_local"})


def test_listing_fraises_imports_no_provider(tmp_path: Path) -> None:
    (tmp_path / "fraises.yaml").write_text(
        "fraises:\n  api:\n    providers:\n      prod:\n        provider: local\n"
    )
    assert loaded_by("list", cwd=tmp_path).isdisjoint({"fraisier_local", "rich", "yaml"})
