"""The bench on which the contract kit puts a provider: its hooks called singly, or through the whole engine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

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
_ELSEWHERE_TIMEOUT = 300.0
_POLL = 0.05

T = TypeVar("T")


class Bench:
    """One case with its provider loaded. Nothing is redacted here: the kit wants to see what a provider says."""

    def __init__(self, name: str, case: Case) -> None:
        self.case = case
        self.progress = RecordingProgress()
        self.provider = Provider.load(name, Redactor(), lambda _: None)
        self._session = Session()
        self._deployment_id = str(uuid.uuid4())

    def close(self) -> None:
        """Close what the provider has opened."""
        self._session.close()

    @property
    def takes_secrets(self) -> bool:
        """Tell whether any of the provider's options is a secret, however deep it stands."""
        options = self.provider.options
        return options is not None and repr(Secret) in repr(msgspec.inspect.type_info(options))

    def target(self, options: Mapping[str, Any] | None = None, check: HealthCheck | None = None) -> Target:
        """Return the case's target, or one with other options or another health check."""
        return Target(
            fraise=FRAISE,
            environment=ENVIRONMENT,
            provider=self.provider.name,
            options=self.case.options if options is None else options,
            folder=self.case.folder,
            session=self._session,
            health_check=check or self.case.health_check,
            deployment_id=self._deployment_id,
            user="kit@localhost",
        )

    def deploy(self, version: str, *, force: bool = False) -> Deployed:
        """Deploy a version, without waiting for its health."""
        return self.provider.deploy(self.target(), Release(version=version, force=force), self.progress)

    def rollback(self, release: Release) -> Deployed:
        """Roll back to a release, without waiting for its health."""
        return self.provider.rollback(self.target(), release, self.progress)

    def wait_until_healthy(self, deployed: Deployed) -> None:
        """Wait for the health of what was put in service, as core does."""
        wait_until_healthy(self.provider, self.target(), deployed.version, deployed.revision, self.progress)

    def status(self) -> Status:
        """Ask what is in service, as soon as the target is no longer busy with it."""
        deadline = time.monotonic() + self.case.deadline
        while (told := self.provider.status(self.target())).state == "deploying":
            assert time.monotonic() < deadline, f"status still tells deploying after {self.case.deadline:g} s"
            time.sleep(_POLL)
        return told

    def looks(self, target: Target) -> dict[str, Callable[[], object]]:
        """Return the hooks that only look, by name, each ready to be called."""
        return {
            "pre_flight": lambda: self.provider.pre_flight(target),
            "status": lambda: self.provider.status(target),
            "health": lambda: self.provider.health(target),
            "logs": lambda: list(self.provider.logs(target, 5, False)),
        }

    def status_elsewhere(self) -> Status:
        """Ask what is in service from a new process, which has deployed nothing."""
        return self._elsewhere(None, Status)

    def rollback_elsewhere(self, release: Release) -> Deployed:
        """Roll back from a new process, which knows nothing but the record of the release."""
        return self._elsewhere(release, Deployed)

    def project(self, folder: Path) -> tuple[Project, RecordingDisplay]:
        """Return a project with an empty history around the case, its secrets as references."""
        self._begin_another_operation()
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

    def _begin_another_operation(self) -> None:
        """Close the connections of the operation so far, and with them the locks that they hold on the target."""
        self._session.close()
        self._session = Session()

    def _elsewhere(self, release: Release | None, wanted: type[T]) -> T:
        self._begin_another_operation()
        request = {
            "provider": self.provider.name,
            "options": revealed(self.case.options),
            "folder": str(self.case.folder),
            "health_check": self.case.health_check,
            "release": release,
        }
        done = subprocess.run(
            [sys.executable, "-m", "fraisier.testing.elsewhere"],
            input=msgspec.json.encode(request),
            capture_output=True,
            timeout=_ELSEWHERE_TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"it failed in a new process:\n{done.stderr.decode()}"
        # The last line: a provider that prints is found out by a test of its own.
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=wanted)


def in_service(told: Status) -> tuple[str | None, str | None]:
    """Return version and revision of what is in service and running, as the target itself tells."""
    assert told.state == "running", f"status tells {told.state}, and a deployed service is running"
    assert told.release is not None, "status tells no release, and one is in service"
    return told.release.version, told.release.revision


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
