"""A Compose project on an engine of the lab, with images in its registry, and what tests do with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from fraisier import Deployed, FraisierError, Health, HealthCheck, Release, Session, Status, Target
from fraisier.testing import RecordingProgress
from fraisier.testing.bench import referred, secrets_in
from fraisier_compose import hooks
from lab.daemon import Daemon
from lab.ports import free_port
from lab.registry import Registry
from lab.services import PORT, Image, Services

_numbers = count(1)


def eventually(what: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


class Site:
    """A project with a service `web`, whose image has a repository of its own; v1 and v2 are there.

    Each call of a hook is an operation of its own, as in core; `session()` makes several of them one.
    """

    def __init__(self, engine: Daemon, registry: Registry, services: Services, folder: Path) -> None:
        self.name = f"site{os.getpid()}x{next(_numbers)}"
        self.engine = engine
        self.registry = registry
        self.services = services
        self.folder = folder
        self.port = free_port()
        self.repository = registry.repository(self.name)
        self.digests = {version: self.push(version) for version in ("v1", "v2")}
        self.file: dict[str, Any] = {
            "services": {
                "web": {
                    "image": f"{self.repository}:${{VERSION:-v1}}",
                    "ports": [f"127.0.0.1:{self.port}:{PORT}"],
                }
            }
        }
        self.options: dict[str, Any] = {
            "compose_file": "compose.yaml",
            "service_name": "web",
            "project_name": self.name,
            "docker_host": engine.url,
            "wait_timeout": 20,
        }
        self.url = f"http://127.0.0.1:{self.port}/"
        self.health_check: HealthCheck | None = HealthCheck(url=self.url, expect_body="{version}", timeout=15)
        self.progress = RecordingProgress()
        self._session: Session | None = None

    @property
    def web(self) -> dict[str, Any]:
        """The service in the Compose file, to be changed before the next call."""
        service: dict[str, Any] = self.file["services"]["web"]
        return service

    def push(self, version: str, image: Image | None = None, name: str = "") -> str:
        """Push an image under a version, by default a web service, and return its digest."""
        return self.registry.push(name or self.name, version, image or self.services.web(version))

    def write(self) -> None:
        """Write the Compose file."""
        (self.folder / "compose.yaml").write_text(json.dumps(self.file, indent=1), encoding="utf-8")

    @contextmanager
    def session(self) -> Iterator[None]:
        """Make all calls of hooks in here one operation."""
        with Session() as self._session:
            try:
                yield
            finally:
                self._session = None

    @contextmanager
    def target(self, **options: Any) -> Iterator[Target]:
        """Give the target of one operation."""
        self.write()
        with Session() as own:
            yield Target(
                fraise=self.name,
                environment="test",
                provider="docker_compose",
                options={**self.options, **options},
                folder=self.folder,
                session=self._session or own,
                health_check=self.health_check,
                deployment_id=str(uuid4()),
                user="alice@laptop",
            )

    def deploy(self, version: str | None = None, *, force: bool = False, **options: Any) -> Deployed:
        """Put a version in service."""
        self.progress = RecordingProgress()
        with self.target(**options) as target:
            return hooks.deploy(target, Release(version=version, force=force), self.progress)

    def rollback(self, to: Deployed | Release, **options: Any) -> Deployed:
        """Go back to what was deployed."""
        self.progress = RecordingProgress()
        release = Release(version=to.version, revision=to.revision, details=to.details)
        with self.target(**options) as target:
            return hooks.rollback(target, release, self.progress)

    def failure(self, call: Callable[..., object], *arguments: Any, **options: Any) -> FraisierError:
        """Call a method of ours that is to fail, and return its error."""
        with pytest.raises(FraisierError) as raised:
            call(*arguments, **options)
        return raised.value

    def checks(self, version: str | None = None, **options: Any) -> dict[str, str]:
        """Run pre-flight, and return name, detail and hint of what did not pass."""
        with self.target(**options) as target:
            found = hooks.pre_flight(msgspec.structs.replace(target, version=version))
        return {each.name: f"{each.detail}; {each.hint}" for each in found if not each.passed}

    def status(self, **options: Any) -> Status:
        """Ask what is in service."""
        with self.target(**options) as target:
            return hooks.status(target)

    def health(self, **options: Any) -> Health:
        """Probe once, wanting what the target tells to be in service, as core does."""
        with self.target(**options) as target:
            if target.health_check is not None:
                release = hooks.status(target).release or Release()
                check = target.health_check.expecting(release.version, release.revision)
                target = msgspec.structs.replace(target, health_check=check)
            return hooks.health(target)

    def log(self, lines: int = 100, since: datetime | None = None, **options: Any) -> list[str]:
        """Return the last lines of the log."""
        with self.target(**options) as target:
            return list(hooks.logs(target, lines, False, since))

    def docker(self, *words: str, check: bool = True) -> str:
        """Run a docker command on the engine, by hand as it were."""
        environment = os.environ | self.engine.environment
        done = subprocess.run(["docker", *words], env=environment, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def compose(self, *words: str) -> str:
        """Run a command of Compose on the user's file alone."""
        self.write()
        return self.docker("compose", "-p", self.name, "-f", str(self.folder / "compose.yaml"), *words)

    def containers(self, *filters: str) -> list[str]:
        """Return the names of the project's containers."""
        words = [
            word for each in (f"label=com.docker.compose.project={self.name}", *filters) for word in ("-f", each)
        ]
        return sorted(self.docker("ps", "--all", "--format", "{{.Names}}", *words).split())

    def inspect(self, container: str, template: str) -> str:
        """Return what docker tells of a container."""
        return self.docker("inspect", "--format", template, container)

    def answer(self, path: str = "") -> str:
        """Return what the service answers, as soon as it does."""

        def ask() -> str:
            try:
                with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                    return str(answer.read().decode())
            except OSError:
                return ""

        return str(eventually(ask)).strip()

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Write `fraises.yaml`, and return the command line `fraisier WORDS` with its environment.

        Words that name the target may be left out: `FRAISE` and `ENV` are replaced.
        """
        self.write()
        environ = dict(os.environ)
        entry: dict[str, Any] = {"provider": "docker_compose", "config": referred(self.options, environ)}
        if (check := self.health_check) is not None:
            given = {name: getattr(check, name) for name in check.__struct_fields__}
            entry["health_check"] = {name: value for name, value in given.items() if value is not None}
        path = self.folder / "fraises.yaml"
        path.write_text(json.dumps({"fraises": {self.name: {"providers": {"test": entry}}}}), encoding="utf-8")
        named = {"FRAISE": self.name, "ENV": "test"}
        program = Path(sys.executable).with_name("fraisier")
        return [str(program), "--config", str(path), *(named.get(word, word) for word in words)], environ

    def fraisier(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command line tool to its end: `site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")`."""
        line, environ = self.command(*words)
        done = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=timeout)
        assert not any(secret in done.stdout + done.stderr for secret in secrets_in(self.options))
        return done

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Give the command line tool while it runs, its stdout and stderr as one pipe; it is killed afterwards."""
        line, environ = self.command(*words)
        pipe = subprocess.PIPE
        with subprocess.Popen(line, env=environ, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def end(self) -> None:
        """Remove all that is left of the project."""
        project = f"label=com.docker.compose.project={self.name}"
        for kind, remove in (
            ("container", ["rm", "--force", "--volumes"]),
            ("network", ["rm"]),
            ("volume", ["rm"]),
        ):
            every = ["--all"] if kind == "container" else []
            if found := self.docker(kind, "ls", *every, "--quiet", "--filter", project).split():
                self.docker(kind, *remove, *found)
        guards = self.docker(
            "ps", "--all", "--format", "{{.Names}}", "--filter", f"name=fraisier-guard.{self.name}"
        )
        assert not guards, f"a guard was left: {guards}"


@pytest.fixture(autouse=True)
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home, and the docker settings of the lab."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "SSH_AUTH_SOCK", "VERSION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_site(
    shared_engine: Daemon,
    registry: Registry,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Site]]:
    """Set up a project: `make_site()`, or `make_site(engine=…, registry=…)`."""
    made: list[Site] = []

    def make(engine: Daemon = shared_engine, registry: Registry = registry) -> Site:
        monkeypatch.setenv("DOCKER_CONFIG", str(engine.config))
        folder = tmp_path / f"project-{len(made)}"
        folder.mkdir()
        site = Site(engine, registry, services, folder)
        made.append(site)
        return site

    yield make
    for site in made:
        site.end()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A project on an engine that other tests use too."""
    return make_site()
