"""A repository, a small HTTP service on a free port, and fraisier as the processes that a user would run."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fraisier.cli.main import run

CONFIG = """\
fraises:
  greeter:
    type: web
    providers:
      here:
        provider: local
        config:
          git_repo: source
          app_path: app
          command: exec {python} -S greeter.py
          build: ['if test -p "$HOLD/build"; then cat "$HOLD/build"; fi']
          environment: {{PORT: "{port}", HOLD: {hold}}}
          stop_timeout: 20
        health_check:
          url: http://127.0.0.1:{port}/
          expect_body: "{{version}} {{revision}}"
"""
FRAISIER = str(Path(sysconfig.get_path("scripts")) / "fraisier")
GIT = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false"]


def eventually(what: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


class Said(NamedTuple):
    """What a command line came to."""

    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command line that runs on only as its stderr is read."""

    def __init__(self, process: subprocess.Popen[str], stderr: int) -> None:
        self.process = process
        self._stderr = stderr
        self.lines: list[str] = []

    def until(self, begun: str) -> None:
        """Read to a line that begins so; what runs is then two lines further at most, so not beyond that step."""
        while not any(line.startswith(begun) for line in self.lines):
            assert self._read(), f"it ended without {begun!r}: {self.lines}"

    def signalled(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Read on to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=60)

    def _read(self) -> bool:
        packet = os.read(self._stderr, 65536).decode()
        self.lines += packet.splitlines()
        return packet != ""


class Site:
    """A folder with a repository of v1, v2 and a broken v3, and the `fraises.yaml` that deploys it here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.app = folder / "app"
        self.hold = folder / "hold"
        self.hold.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.source.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        shutil.copy(Path(__file__).with_name("greeter.py"), self.source)
        self.revisions = {version: self._commit(version) for version in ("v1", "v2", "v3")}
        config = CONFIG.format(python=shlex.quote(sys.executable), port=self.port, hold=self.hold)
        (folder / "fraises.yaml").write_text(config, encoding="utf-8")

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.source), *GIT, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def _commit(self, version: str) -> str:
        (self.source / "VERSION").write_text(version, encoding="utf-8")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", version)
        self._git("tag", version)
        return self._git("rev-parse", "HEAD")

    def environment(self) -> dict[str, str]:
        ours = {"FRAISIER_CONFIG", "FRAISIER_DATABASE"}
        return {name: value for name, value in os.environ.items() if name not in ours}

    def fraisier(self, *arguments: str, code: int = 0, folder: Path | None = None, **variables: str) -> Said:
        """Run a command line in a process of its own, which must end with that exit code."""
        done = subprocess.run(
            [FRAISIER, *arguments],
            cwd=folder or self.folder,
            env={**self.environment(), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return Said(done.stdout, done.stderr)

    def deploy(self, version: str, *options: str, code: int = 0) -> Said:
        return self.fraisier("deploy", "greeter", "here", "--version", version, *options, code=code)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """Start a command line whose stderr holds one line at a time, so that it waits to be read (Linux)."""
        stderr, written = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(
            [FRAISIER, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
        os.close(written)
        try:
            yield Running(process, stderr)
        finally:
            process.kill()
            process.communicate(timeout=60)
            os.close(stderr)

    def here(self, *arguments: str) -> Said:
        """Run a command line that must succeed in this process, which is quicker."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = run([*arguments, "-c", str(self.folder / "fraises.yaml")])
        assert code == 0, f"exit code {code}: {out.getvalue()}{err.getvalue()}"
        return Said(out.getvalue(), err.getvalue())

    def look(self, *arguments: str) -> Any:
        """Return the document of a command line that only looks."""
        return self.here(*arguments, "--json").document

    def status(self) -> dict[str, Any]:
        (told,) = self.look("status", "greeter", "here")
        return dict(told)

    def history(self) -> list[dict[str, Any]]:
        return list(self.look("history"))

    def answer(self) -> str:
        """Return the version that answers, or nothing."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as response,
        ):
            version, revision = response.read().decode().split()
            assert self.revisions[version] == revision
            return str(version)
        return ""

    def versions(self) -> tuple[str, str]:
        """Return the version that answers, and the other good one."""
        if not self.answer():
            # A test that failed may have left it so; the others are not to fail with it.
            self.here("deploy", "greeter", "here", "--version", "v1", "--force")
        now = self.answer()
        return now, {"v1": "v2", "v2": "v1"}[now]

    @contextmanager
    def held_build(self) -> Iterator[Callable[[], None]]:
        """Make builds wait until what this gives is called."""
        gate = self.hold / "build"
        os.mkfifo(gate)

        def let_go() -> None:
            # What is named `build` no longer is a pipe for those who come later.
            gate.rename(self.hold / "open")
            (self.hold / "open").write_text("go on")

        try:
            yield let_go
        finally:
            for each in (gate, self.hold / "open"):
                each.unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Return the processes of the service, found by the folder that they work in (Linux)."""
        found = []
        for each in Path("/proc").iterdir():
            if each.name.isdigit():
                with suppress(OSError):
                    if (each / "cwd").readlink().is_relative_to(self.app):
                        found.append(int(each.name))
        return found

    def end_all(self) -> None:
        """Kill what was started: the service as it is recorded, and whatever else works in its folders."""
        with suppress(OSError, ValueError):
            os.killpg(json.loads((self.app / ".fraisier" / "process.json").read_text())["pid"], signal.SIGKILL)
        for pid in self.processes() if sys.platform == "linux" else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.end_all()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that tests use one after the other; each leaves v1 or v2 in service."""
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        made.deploy("v1")
        yield made
    finally:
        made.end_all()
