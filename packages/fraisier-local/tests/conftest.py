"""A real repository, a real service on a free port, and the target that deploys it; no process is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fraisier import Deployed, Health, HealthCheck, Release, Session, Target
from fraisier.testing.fakes import RecordingProgress
from fraisier_local import hooks, process_group

SERVICE = """
import http.server, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{VERSION} {os.environ['FRAISIER_VERSION']} {os.environ['FRAISIER_REVISION']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(format % args, flush=True)

VERSION = open("VERSION").read().strip()
print(f"serving {VERSION}", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def eventually(what: Callable[[], Any], timeout: float = 10.0) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


def groups_of(process: dict[str, Any]) -> set[int]:
    """Return what is left of a service, given what `process.json` said of it."""
    return process_group.groups(process["pid"], process["started"], process["machine"])


class Repository:
    """A git repository with one tag per version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, version: str, files: dict[str, str] | None = None, *, tag: bool = True) -> str:
        for name, text in {"service.py": SERVICE, "VERSION": version, **(files or {})}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", version)
        if tag:
            self.git("tag", version)
        return self.git("rev-parse", "HEAD")


class Site:
    """A target and all that a test does with it."""

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.folder = folder
        self.app = folder / "app"
        self.repository = repository
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.options: dict[str, Any] = {
            "git_repo": str(repository.folder),
            "app_path": "app",
            "command": f"exec {sys.executable} -u service.py",
            "environment": {"PORT": str(self.port)},
            "stop_timeout": 5,
        }
        self.health_check: HealthCheck | None = None
        self.progress = RecordingProgress()
        self.user = "alice@laptop"
        self._edited: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def target(self, **options: Any) -> Target:
        return Target(
            fraise="my_api",
            environment="test",
            provider="local",
            options={**self.options, **options},
            folder=self.folder,
            session=Session(),
            health_check=self.health_check,
            deployment_id="d-1",
            user=self.user,
        )

    def deploy(self, version: str | None = None, *, force: bool = False, **options: Any) -> Deployed:
        self.progress = RecordingProgress()
        return hooks.deploy(self.target(**options), Release(version=version, force=force), self.progress)

    def rollback(self, deployed: Deployed, **options: Any) -> Deployed:
        release = Release(version=deployed.version, revision=deployed.revision, details=deployed.details)
        self.progress = RecordingProgress()
        return hooks.rollback(self.target(**options), release, self.progress)

    def answer(self) -> str:
        """Return what the service answers, as soon as it does."""

        def ask() -> str:
            with suppress(OSError), urllib.request.urlopen(self.url, timeout=5) as response:
                return str(response.read(), "utf-8")
            return ""

        return str(eventually(ask))

    def answered_version(self, version: str) -> bool:
        return bool(eventually(lambda: self.answer().startswith(f"{version} ")))

    def in_service(self) -> Release:
        """Return the release that the target tells to be in service."""
        release = hooks.status(self.target()).release
        assert release is not None
        return release

    def verdict(self) -> Health:
        """Return the health, as soon as it is no longer `started just now`."""
        found: list[Health] = []

        def decided() -> bool:
            found.append(hooks.health(self.target()))
            return found[-1].healthy or found[-1].final

        eventually(decided)
        return found[-1]

    def log(self, lines: int = 100) -> list[str]:
        return list(hooks.logs(self.target(), lines, False))

    def process(self) -> dict[str, Any]:
        path = self.app / ".fraisier" / "process.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def edit_process(self, **values: Any) -> None:
        path = self.app / ".fraisier" / "process.json"
        self._edited.append(self.process())
        path.write_text(json.dumps(self.process() | values))

    def ledger(self) -> list[dict[str, Any]]:
        path = self.app / ".fraisier" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def folders(self) -> list[str]:
        return sorted(path.name for path in (self.app / "releases").iterdir())

    def elsewhere(self, code: str, **popen: Any) -> subprocess.Popen[str]:
        """Run code in a Python of its own, with `target`, `hooks`, `Release` and `progress` at hand."""
        head = """
            import sys
            sys.path.insert(0, sys.argv[1])
            import json, os, signal
            from pathlib import Path
            from fraisier import HealthCheck, Release, Session, Target
            from fraisier_local import hooks
            from fraisier.testing.fakes import RecordingProgress
            progress = RecordingProgress()
            target = Target(fraise="my_api", environment="test", provider="local", session=Session(),
                            options=json.loads(sys.argv[2]), folder=Path(sys.argv[3]), user="bob@ci")
        """
        script = textwrap.dedent(head) + textwrap.dedent(code)
        arguments = [str(Path(__file__).parent), json.dumps(self.options), str(self.folder)]
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **popen)

    def told_elsewhere(self, code: str) -> Any:
        """Run code in a Python of its own and return what it prints as JSON."""
        with self.elsewhere(code) as process:
            said, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        return json.loads(said)

    def end_all(self) -> None:
        """Kill what was started, also when a test edited the records."""
        for known in [self.process(), *self._edited]:
            if known:
                process_group.send(groups_of(known), signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(known["pid"], 0)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "source")
    repository.commit("v1")
    return repository


@pytest.fixture
def site(tmp_path: Path, repository: Repository) -> Iterator[Site]:
    made = Site(tmp_path, repository)
    try:
        yield made
    finally:
        made.end_all()
