"""A target that follows a script, and an operator who deploys to it through the engine."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fraisier import Deployment
from fraisier.engine import operations
from fraisier.engine.configuration.config import Place
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.operations import DeployRequest, Plan
from fraisier.engine.project import Project
from fraisier.engine.state.history import History
from fraisier.engine.state.records import FraiseState
from fraisier.testing.fakes import RecordingDisplay

SCRIPTED = Path(__file__).with_name("scripted.py")
TOKEN = "s3cret-t0ken"


def told(text: str) -> str:
    """Return a message with every number of seconds as `N`."""
    return re.sub(r"\d+\.\d s\b", "N s", text)


class Operator:
    """Somebody with a `fraises.yaml`, a history, and a display; the options say what becomes of the target.

    Args:
        folder: of `fraises.yaml` and of the targets.
        machine: the name of the history.
    """

    def __init__(self, folder: Path, machine: str = "laptop") -> None:
        self.folder = folder
        self.machine = machine
        self.provider = "scripted"
        self.options: dict[str, Any] = {}
        self.standby: dict[str, Any] | None = None
        """The options of the fallback; None: there is none."""
        self.standby_provider = "standby"
        self.health_check: dict[str, Any] | None = None
        self.more: dict[str, dict[str, Any]] = {}
        """Other environments, as they stand in the file."""
        self.display = RecordingDisplay()

    @property
    def project(self) -> Project:
        """The project as a new run of the tool reads it."""
        environ = {"TOKEN": TOKEN, "FRAISIER_DATABASE": str(self.folder / self.machine / "fraisier.db")}
        return Project.read(self.write(), Redactor(), environ)

    def write(self) -> Path:
        """Write `fraises.yaml` as it is now."""
        target: dict[str, Any] = {"provider": self.provider, "config": {"file": "target.json", **self.options}}
        if self.health_check is not None:
            target["health_check"] = self.health_check
        if self.standby is not None:
            target["fallback"] = {
                "provider": self.standby_provider,
                "config": {"file": "standby.json", **self.standby},
            }
        fraise = {"type": "api", "providers": {"production": target, **self.more}}
        path = self.folder / "fraises.yaml"
        path.write_text(json.dumps({"fraises": {"my_api": fraise}}), encoding="utf-8")
        return path

    @property
    def place(self) -> Place:
        return self.project.config.place("my_api", "production")

    def deploy(self, version: str | None = None, **request: Any) -> Deployment:
        asked = DeployRequest(version=version, **request)
        return operations.deploy(self.project, self.place, asked, self.display)

    def rollback(self, to: str | None = None, **more: Any) -> Deployment:
        return operations.rollback(self.project, self.place, to, self.display, **more)

    def plan(self, version: str | None = None) -> Plan:
        return operations.plan(self.project, self.place, version, self.display)

    def calls(self, file: str = "target.json") -> list[str]:
        """Return the hooks that were called since this was asked last."""
        path = self.folder / f"{file}.calls"
        said = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [call for call in said if call not in ("open", "close")]

    def in_service(self, file: str = "target.json") -> str | None:
        """Return the version that the target serves."""
        path = self.folder / file
        return str(json.loads(path.read_text())["version"]) if path.exists() else None

    def elsewhere(self) -> Operator:
        """Return an operator of the same targets with an empty history, as on a CI runner."""
        other = Operator(self.folder, f"beside {self.machine}")
        other.options, other.health_check = self.options, self.health_check
        return other

    def rows(self) -> list[Deployment]:
        """Return the history, oldest first."""
        if not self.project.database_path.exists():
            return []
        with self.project.database() as database:
            return History(database).recent()[::-1]

    def record(self, version: str | None, provider: str = "scripted", **columns: Any) -> None:
        """Write a deployment into the history that went its own way."""
        with self.project.database() as database:
            History(database).begin(
                deployment_id="own",
                kind="deploy",
                fraise="my_api",
                environment="production",
                type="api",
                provider=provider,
                version=version,
                user="alice@laptop",
                configuration={},
            )
            for name, value in columns.items():
                database.write(f"UPDATE tb_deployment SET {name} = ? WHERE id = 'own'", [value])

    def statuses(self) -> list[str]:
        return [row.status for row in self.rows()]

    def state(self) -> FraiseState:
        with self.project.database() as database:
            known = History(database).fraise_state("my_api", "production")
        assert known is not None
        return known

    def warnings(self) -> list[str]:
        return [told(line[9:]) for line in self.display.shown if line.startswith("warning: ")]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the scripted provider, under both of its names."""
    site = tmp_path_factory.mktemp("site")
    install(site, "acme-scripted", "fraisier.providers", ["scripted", "standby"], SCRIPTED.read_text())
    return site


def install(site: Path, distribution: str, group: str, names: list[str], text: str) -> None:
    module = distribution.replace("-", "_")
    information = site / f"{module}-1.2.3.dist-info"
    information.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n"
    (information / "METADATA").write_text(metadata, encoding="utf-8")
    entries = "".join(f"{name} = {module}\n" for name in names)
    (information / "entry_points.txt").write_text(f"[{group}]\n{entries}", encoding="utf-8")
    (site / f"{module}.py").write_text(text, encoding="utf-8")


@pytest.fixture
def path(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import what is installed at the site, and forget it afterwards."""
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def operator(tmp_path: Path, path: None) -> Operator:
    return Operator(tmp_path)


@pytest.fixture
def plug(tmp_path: Path, path: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Install a plugin with this text."""

    def install_it(text: str) -> None:
        plugins = tmp_path / "plugins"
        install(plugins, "acme-listener", "fraisier.plugins", ["listener"], text)
        monkeypatch.syspath_prepend(plugins)

    yield install_it
    sys.modules.pop("acme_listener", None)


@pytest.fixture(autouse=True)
def guarded() -> Iterator[None]:
    """Make a signal that the engine leaves alone an error of the test, and not the end of the test run.

    It is heard also where a shell ignores it, as for what runs in the background.
    """

    def unheard(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{signal.Signals(number).name} was not handled")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, unheard) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
