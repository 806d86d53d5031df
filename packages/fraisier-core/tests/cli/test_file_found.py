"""Which `fraises.yaml` a command line is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from .conftest import Cli

ONE = "fraises: {%s: {providers: {production: {provider: files, config: {path: there}}}}}\n"


@pytest.fixture
def deep(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder two below the one with the file."""
    folder = cli.folder / "src" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def fraises(cli: Cli, *arguments: str) -> list[str]:
    return sorted({each["fraise"] for each in cli.json(*arguments)})


def test_it_is_found_in_a_folder_above(cli: Cli, deep: Path) -> None:
    assert fraises(cli, "list") == ["my_api", "worker"]
    cli("deploy", "my_api", "production", "--version", "v1")
    # Its paths and its state are beside the file, wherever it is used from.
    assert (cli.folder / "there" / "my_api-production").exists()
    assert (cli.folder / ".fraisier" / "fraisier.db").exists()
    assert list(deep.iterdir()) == []


def test_the_nearest_one_counts(cli: Cli, deep: Path) -> None:
    (deep.parent / "fraises.yaml").write_text(ONE % "nearer")
    assert fraises(cli, "list") == ["nearer"]


@pytest.mark.parametrize(
    "arguments", [["-c", "other.yaml", "list"], ["list", "-c", "other.yaml"], ["list", "--config", "other.yaml"]]
)
def test_it_is_named_before_or_after_the_command(cli: Cli, arguments: Sequence[str]) -> None:
    (cli.folder / "other.yaml").write_text(ONE % "other")
    assert fraises(cli, *arguments) == ["other"]


def test_an_environment_variable_names_it_and_the_option_overrides_that(
    cli: Cli, deep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named", "given"):
        (deep / f"{name}.yaml").write_text(ONE % name)
    monkeypatch.setenv("FRAISIER_CONFIG", "named.yaml")
    assert fraises(cli, "list") == ["named"]
    assert fraises(cli, "list", "-c", "given.yaml") == ["given"]
    monkeypatch.setenv("FRAISIER_CONFIG", "")
    assert fraises(cli, "list") == ["my_api", "worker"]


def test_where_there_is_none_the_next_step_is_told(cli: Cli) -> None:
    (cli.folder / "fraises.yaml").unlink()
    said = cli.error("list", code=3)
    assert said == f"no fraises.yaml in {cli.folder} or a parent folder; run: fraisier init"


@pytest.mark.parametrize("name", ["-c", "FRAISIER_CONFIG"])
def test_one_that_is_named_and_not_there_is_an_error_and_no_other_is_used(
    cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "-c":
        said = cli.error("list", "-c", "nowhere.yaml", code=3)
    else:
        monkeypatch.setenv(name, "nowhere.yaml")
        said = cli.error("list", code=3)
    assert said == "cannot read nowhere.yaml: no such file or directory"


def test_a_folder_is_no_file(cli: Cli) -> None:
    assert cli.error("list", "-c", "..", code=3) == "cannot read ..: is a directory"


def test_a_working_folder_that_is_gone_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = cli.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.error("list", code=3) == "the working folder is gone; cd to one that exists"
