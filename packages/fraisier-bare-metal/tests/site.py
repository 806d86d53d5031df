"""A service on hosts of the lab, which are set up as the manual says, and the target that deploys it.

SSH is configured as on a person's machine: each test has a home of its own whose `~/.ssh/config` is the lab's, so
that `ssh_host` is the name of a host (`host-1`, or `host-1-relayed`), and nothing of the developer's own is read.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fraisier import Deployed, FraisierError, Health, HealthCheck, Release, Session, Status, Target
from fraisier.testing.bench import referred, secrets_in
from fraisier.testing.fakes import RecordingProgress
from fraisier_bare_metal import hooks
from lab.host import Host
from lab.repository import Repository
from lab.sudoers import rules

from .service import UNIT

numbers = count(1)


def eventually(what: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


def reach(process: subprocess.Popen[str], step: str) -> None:
    """Read what a deployment says until a step has begun."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(f"{step} ..."):
            return
    raise AssertionError(f"it never came to {step}:\n{''.join(said)}")


class Site:
    """A service on one or more hosts, with a folder, a unit, a port and a sudo rule of its own.

    Each call of a hook is an operation with a login of its own, as in core; `session()` makes several of them one.
    """

    def __init__(self, hosts: Sequence[Host], repository: Repository, folder: Path) -> None:
        number = next(numbers)
        self.name = f"my_api_{number}"
        self.unit = f"{self.name}.service"
        self.app_path = f"/srv/{self.name}"
        self.port = 8000 + number
        self.hosts = list(hosts)
        self.host = self.hosts[0]
        self.repository = repository
        self.folder = folder
        self.layout = "releases"
        self.options: dict[str, Any] = {
            "git_repo": repository.url,
            "app_path": self.app_path,
            "systemd_service": self.unit,
            "environment": {"PORT": str(self.port)},
        }
        names = [host.name for host in self.hosts]
        self.options |= {"ssh_host": names[0]} if len(names) == 1 else {"ssh_hosts": names}
        self.health_url = f"http://127.0.0.1:{self.port}/"
        self.health_check: HealthCheck | None = HealthCheck(
            url=self.health_url, expect_body="{version} {revision}", timeout=15
        )
        self.progress = RecordingProgress()
        self.user = "alice@laptop"
        self._session: Session | None = None

    def set_up(self, layout: str = "releases") -> None:
        """Do on every host what the manual says to do as root."""
        self.layout = self.options["layout"] = layout
        for host in self.hosts:
            user = host.ssh_user
            files = {f"/etc/systemd/system/{self.unit}": self.unit_text(user)}
            files[f"/etc/sudoers.d/{self.name}"] = rules(user, self.unit)
            # In one go, since nearly every test does it.
            written = "".join(f"cat >{path} <<'END'\n{text}\nEND\n" for path, text in files.items())
            host.run(f"set -e; install -d -o {user} -g {user} {self.app_path}; umask 027\n{written}")

    def unit_text(self, user: str = "deploy") -> str:
        """Return the unit as the manual has it."""
        app_path, own = self.options["app_path"], "user_unit" in self.options
        return UNIT.format(
            name=self.name,
            user="# A user's own unit." if own else f"User={user}",
            folder=f"{app_path}/current" if self.layout == "releases" else app_path,
            app_path=app_path,
            wanted="default" if own else "multi-user",
        )

    def end(self) -> None:
        """Stop the service, so that shared hosts stay light; the next who asks systemd hears of no failed unit."""
        for host in self.hosts:
            host.succeeds(
                f"systemctl kill --signal=KILL {self.unit}; systemctl stop {self.unit}"
                f"; systemctl reset-failed {self.unit}"
            )

    @contextmanager
    def session(self) -> Iterator[None]:
        """Have all that is called in here be one operation."""
        with Session() as self._session:
            try:
                yield
            finally:
                self._session = None

    @contextmanager
    def target(self, **options: Any) -> Iterator[Target]:
        """Give the target, with other options where there are any, and log out afterwards."""
        with ExitStack() as stack:
            given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
            yield Target(
                fraise=self.name,
                environment="test",
                provider="bare_metal",
                options=given,
                folder=self.folder,
                session=self._session or stack.enter_context(Session()),
                health_check=self.health_check,
                deployment_id=f"d-{next(numbers)}",
                user=self.user,
            )

    def deploy(self, version: str | None = None, *, force: bool = False, **options: Any) -> Deployed:
        """Put a version in service, without waiting for its health."""
        self.progress = RecordingProgress()
        with self.target(**options) as target:
            return hooks.deploy(target, Release(version=version, force=force), self.progress)

    def rollback(self, to: Deployed | Release, **options: Any) -> Deployed:
        """Go back to what was deployed, without waiting for its health."""
        self.progress = RecordingProgress()
        release = Release(version=to.version, revision=to.revision, details=to.details)
        with self.target(**options) as target:
            return hooks.rollback(target, release, self.progress)

    def failure(self, call: Callable[..., object], *arguments: Any, **options: Any) -> FraisierError:
        """Call a method of ours that is to fail, and return its error."""
        with pytest.raises(FraisierError) as raised:
            call(*arguments, **options)
        return raised.value

    def checks(self, **options: Any) -> dict[str, str]:
        """Run pre-flight, and return name, detail and hint of what did not pass."""
        with self.target(**options) as target:
            return {
                check.name: f"{check.detail}; {check.hint}"
                for check in hooks.pre_flight(target)
                if not check.passed
            }

    def status(self, **options: Any) -> Status:
        """Ask what is in service."""
        with self.target(**options) as target:
            return hooks.status(target)

    def health(self, **options: Any) -> Health:
        """Probe once, wanting what the ledger says to be in service where that is known."""
        with self.target(**options) as target:
            return hooks.health(target)

    def log(self, lines: int = 100, **options: Any) -> list[str]:
        """Return the last lines of the service's log."""
        with self.target(**options) as target:
            return list(hooks.logs(target, lines, False, None))

    def answer(self, path: str = "/", host: Host | None = None) -> str:
        """Return what the service on a host answers, as soon as it does."""
        url = f"http://127.0.0.1:{self.port}{path}"
        ask = f"curl --silent --fail --max-time 5 {url}"
        return (host or self.host).run(f"for try in $(seq 200); do {ask} && exit; sleep 0.1; done; exit 1")

    def serves(self, version: str, host: Host | None = None) -> bool:
        """Tell whether, before long, a host serves a version, and no mixture of two."""

        def answered() -> bool:
            own, told, _ = self.answer("/", host).split()
            return own == told == version

        return bool(eventually(answered))

    def ledger(self, host: Host | None = None) -> list[dict[str, Any]]:
        """Return the lines of a host's ledger."""
        text = (host or self.host).run(
            f"cat {shlex.quote(self.options['app_path'])}/.fraisier/ledger.jsonl || true"
        )
        return [json.loads(line) for line in text.splitlines()]

    def releases(self, host: Host | None = None) -> list[str]:
        """Return the names of the releases on a host."""
        return (host or self.host).run(f"ls {shlex.quote(self.options['app_path'])}/releases").split()

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Write `fraises.yaml`, and return the command line `fraisier WORDS` with its environment.

        Words that name the target may be left out: `FRAISE` and `ENV` are replaced.
        """
        environ = dict(os.environ)
        entry: dict[str, Any] = {"provider": "bare_metal", "config": referred(self.options, environ)}
        if self.health_check is not None:
            check = self.health_check
            entry["health_check"] = {
                name: value for name in check.__struct_fields__ if (value := getattr(check, name)) is not None
            }
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
