"""The bench on which the contract kit puts a provider: its hooks called singly, or through the whole engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fraisier.contract.models import Deployed, HealthCheck, Release, Status, Target
from fraisier.contract.secret import Secret
from fraisier.contract.session import Session
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.project import Project
from fraisier.engine.providers.provider import Provider
from fraisier.engine.waiting import wait_until_healthy
from fraisier.testing.case import Case
from fraisier.testing.fakes import RecordingDisplay, RecordingProgress

FRAISE = "contract"
ENVIRONMENT = "kit"


class Bench:
    """One case with its provider loaded. Nothing is redacted here: the kit wants to see what a provider says."""

    def __init__(self, name: str, case: Case) -> None:
        self.case = case
        self.progress = RecordingProgress()
        self.warnings: list[str] = []
        self.provider = Provider.load(name, Redactor(), self.warnings.append)
        self.session = Session()

    def target(self, options: Mapping[str, Any] | None = None, check: HealthCheck | None = None) -> Target:
        """Return the case's target, or one with other options."""
        return Target(
            fraise=FRAISE,
            environment=ENVIRONMENT,
            provider=self.provider.name,
            options=self.case.options if options is None else options,
            folder=self.case.folder,
            session=self.session,
            health_check=check or self.case.health_check,
            deployment_id="00000000-0000-4000-8000-000000000000",
            user="kit@localhost",
        )

    def deploy(self, version: str, *, force: bool = False) -> Deployed:
        """Deploy a version and wait until it is healthy."""
        release = Release(version=version, force=force)
        deployed = self.provider.deploy(self.target(), release, self.progress)
        wait_until_healthy(self.provider, self.target(), deployed.version, deployed.revision, self.progress)
        return deployed

    def status(self) -> Status:
        """Ask what is in service."""
        return self.provider.status(self.target())

    def in_service(self) -> tuple[str | None, str | None]:
        """Return version and revision of what is in service and running, as the target itself tells."""
        told = self.status()
        assert told.state == "running", f"status tells {told.state}, and a deployed service is running"
        assert told.release is not None, "status tells no release, and one is in service"
        return told.release.version, told.release.revision

    def rollback_elsewhere(self, release: Release) -> None:
        """Roll back from a new process that knows nothing but the record of the release."""
        request = {
            "provider": self.provider.name,
            "options": revealed(self.case.options),
            "folder": str(self.case.folder),
            "health_check": msgspec.to_builtins(self.case.health_check),
            "release": msgspec.to_builtins(release),
        }
        done = subprocess.run(
            [sys.executable, "-m", "fraisier.testing.elsewhere"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"the rollback in a new process failed:\n{done.stderr}"

    def project(self, folder: Path) -> tuple[Project, RecordingDisplay]:
        """Return a project with an empty history around the case, its secrets as references."""
        environ: dict[str, str] = {}
        entry = {"provider": self.provider.name, "config": referred(self.case.options, environ)}
        if self.case.health_check is not None:
            given = msgspec.to_builtins(self.case.health_check)
            entry["health_check"] = {key: value for key, value in given.items() if value is not None}
        document = {"fraises": {FRAISE: {"providers": {ENVIRONMENT: entry}}}}
        environ["FRAISIER_DATABASE"] = str(folder / "state" / "fraisier.db")
        path = self.case.folder / "fraises.contract.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")
        return Project.read(path, Redactor(), environ), RecordingDisplay()


def revealed(value: Any) -> Any:
    """Return options with every secret as text."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: revealed(each) for key, each in value.items()}
    return [revealed(each) for each in value] if isinstance(value, list) else value


def referred(value: Any, environ: dict[str, str]) -> Any:
    """Return options with every secret as a reference to a variable, which is put into `environ`."""
    if isinstance(value, Secret):
        name = f"FRAISIER_KIT_{len(environ)}"
        environ[name] = value.reveal()
        return f"${{{name}}}"
    if isinstance(value, Mapping):
        return {key: referred(each, environ) for key, each in value.items()}
    if isinstance(value, list):
        return [referred(each, environ) for each in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def secrets_in(value: Any) -> list[str]:
    """Return the texts of all secrets in options."""
    if isinstance(value, Secret):
        return [value.reveal()]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in secrets_in(each)]
    return [text for each in value for text in secrets_in(each)] if isinstance(value, list) else []
