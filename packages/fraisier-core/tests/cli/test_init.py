from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fraisier.engine.providers.discovery import installed_providers

from .conftest import START, Cli


@pytest.fixture
def empty(cli: Cli) -> Path:
    """A folder without a file yet."""
    path = cli.folder / "fraises.yaml"
    path.unlink()
    return path


def test_the_starter_of_every_installed_provider_is_valid(cli: Cli, empty: Path) -> None:
    for provider in [each.name for each in installed_providers()]:
        out = cli("init", "--provider", provider).out
        assert out == "wrote fraises.yaml; fill it in, then: fraisier validate\n"
        assert cli("validate").out == "fraises.yaml: 1 target, no problems\n"
        (told,) = cli.json("list")
        assert told["provider"] == provider
        empty.unlink()


def test_the_starter_explains_every_option(cli: Cli, empty: Path) -> None:
    cli("init", "--provider", "files")
    text = empty.read_text()
    assert "# Where the service is kept.\n          path: " in text
    assert "# ready: true" in text
    assert "# What status tells besides.\n          # note: " in text
    assert "# health_check:" in text


def test_a_file_is_never_overwritten(cli: Cli) -> None:
    before = (cli.folder / "fraises.yaml").read_bytes()
    said = cli.error("init", "--provider", "files", code=2)
    assert said == "fraises.yaml exists already and is left as it is; name another with -c"
    assert (cli.folder / "fraises.yaml").read_bytes() == before
    assert cli("init", "--provider", "files", "-c", "other.yaml").out.startswith("wrote other.yaml; ")


def test_a_dangling_link_is_left_as_it_is_too(cli: Cli, empty: Path) -> None:
    empty.symlink_to(cli.folder / "elsewhere.yaml")
    cli.error("init", "--provider", "files", code=2)
    assert not (cli.folder / "elsewhere.yaml").exists()


def test_where_it_cannot_be_written_that_is_told(cli: Cli) -> None:
    said = cli.error("init", "--provider", "files", "-c", "nowhere/fraises.yaml", code=2)
    assert said == "nowhere/fraises.yaml cannot be written: No such file or directory"


def test_an_unknown_provider_writes_nothing(cli: Cli, empty: Path) -> None:
    assert 'no provider named "filez" is installed' in cli.error("init", "--provider", "filez", code=10)
    assert not empty.exists()


def test_of_several_at_once_exactly_one_writes(cli: Cli, empty: Path) -> None:
    command = [sys.executable, "-c", START, "init", "--provider", "files"]
    running = [
        subprocess.Popen(command, cwd=cli.folder, env=cli.environment(), stdout=-1, stderr=-1) for _ in range(4)
    ]
    for each in running:
        each.communicate(timeout=60)
    assert sorted(each.returncode for each in running) == [0, 2, 2, 2]
    cli("validate")
