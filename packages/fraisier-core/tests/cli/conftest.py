"""The command line run in this process on a `fraises.yaml` of its own, with a provider installed on disk."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fraisier.cli.main import run

CONFIG = """\
fraises:
  my_api:
    type: api
    providers:
      production:
        provider: files
        config: {path: there}
      staging:
        provider: files
        config: {path: there}
  worker:
    providers:
      production:
        provider: files
        config: {path: there}
"""
START = "import sys; from fraisier.cli.main import main; main()"


class Said(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


class Cli:
    """A working folder with a `fraises.yaml`, and command lines run in it."""

    def __init__(self, folder: Path, site: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.site = site
        self._capfd = capfd

    def configure(self, text: str) -> None:
        (self.folder / "fraises.yaml").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str, code: int = 0) -> Said:
        """Run a command line in this process, which must end with that exit code."""
        self._capfd.readouterr()
        ended = run(list(arguments))
        out, err = self._capfd.readouterr()
        assert ended == code, f"exit code {ended}: {err}"
        return Said(ended, out, err)

    def read(self) -> tuple[str, str]:
        """Return what was printed since the last command line."""
        out, err = self._capfd.readouterr()
        return out, err

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command line with --json and return its document: the one thing on stdout."""
        return json.loads(self(*arguments, "--json", code=code).out)

    def error(self, *arguments: str, code: int) -> str:
        """Run a command line that fails before there is any progress, and return its one line on stderr."""
        said = self(*arguments, code=code)
        assert said.out == ""
        (line,) = said.err.splitlines()
        assert line.startswith("fraisier: ")
        return line.removeprefix("fraisier: ")

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment in which another process finds the provider too."""
        path = os.pathsep.join(filter(None, [str(self.site), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, **variables}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the distribution that offers the provider `files`."""
    folder = tmp_path_factory.mktemp("site")
    information = folder / "acme_files-1.2.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-files\nVersion: 1.2.3\n")
    (information / "entry_points.txt").write_text("[fraisier.providers]\nfiles = acme_files\n")
    shutil.copy(Path(__file__).with_name("acme_files.py"), folder)
    return folder


@pytest.fixture
def cli(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    for name in ("FRAISIER_CONFIG", "FRAISIER_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    made = Cli(tmp_path, site, capfd)
    made.configure(CONFIG)
    return made


@pytest.fixture
def alone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no other distribution installed than the one that offers `files`."""
    monkeypatch.setattr(sys, "path", [str(cli.site), *(each for each in sys.path if "-packages" not in each)])
