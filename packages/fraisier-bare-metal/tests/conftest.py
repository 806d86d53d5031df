"""Hosts of the lab that are set up as the manual says, a repository for them, and the target that deploys it.

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
from lab.lab import Lab
from lab.repository import Repository
from lab.sudoers import rules

SERVICE = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        own = f"{VERSION} {os.environ.get('FRAISIER_VERSION')} {os.environ.get('FRAISIER_REVISION')}"
        body = (json.dumps(dict(os.environ)) if self.path == "/environment" else own).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

VERSION = open("VERSION").read().strip()
print(f"serving {VERSION}", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""Answers what its folder holds and what its environment says, which must be the same."""

BROKEN = "raise SystemExit('this version is broken')\n"

UNIT = """[Unit]
Description={name}

[Service]
{user}
WorkingDirectory={folder}
EnvironmentFile={app_path}/.fraisier/environment
ExecStart=/usr/bin/python3 -u service.py
Restart=on-failure

[Install]
WantedBy={wanted}.target
"""

_numbers = count(1)


def eventually(what: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


class Site:
    """A service on one or more hosts, with a folder, a unit, a port and a sudo rule of its own.

    Each call of a hook is an operation with a login of its own, as in core; `session()` makes several of them one.
    """

    def __init__(self, hosts: Sequence[Host], repository: Repository, folder: Path) -> None:
        number = next(_numbers)
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
        """Stop the service, so that shared hosts stay light."""
        for host in self.hosts:
            host.succeeds(f"systemctl kill --signal=KILL {self.unit}; systemctl stop {self.unit}")

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
                deployment_id=f"d-{next(_numbers)}",
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


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no agent."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    # The docker command of the lab goes on with the developer's own settings.
    monkeypatch.setenv("DOCKER_CONFIG", os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(scope="session")
def three_versions(lab: Lab) -> Repository:
    """A repository that tests only read: v1 and v2 work, v3 does not."""
    repository = lab.git.create("my_api")
    repository.commit("v1", {"service.py": SERVICE})
    repository.commit("v2")
    repository.commit("v3", {"service.py": BROKEN})
    return repository


@pytest.fixture
def new_repository(lab: Lab) -> Repository:
    """A repository of the test's own, which has v1."""
    repository = lab.git.create(f"own_{next(_numbers)}")
    repository.commit("v1", {"service.py": SERVICE})
    return repository


@pytest.fixture
def make_site(lab: Lab, home: Path, three_versions: Repository, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Set up a service on given hosts: `make_site(host)`, or `make_site(*hosts, layout="in_place")`."""
    (home / ".ssh" / "config").symlink_to(lab.ssh_config)
    made: list[Site] = []

    def make(
        *hosts: Host, layout: str = "releases", repository: Repository | None = None, set_up: bool = True
    ) -> Site:
        site = Site(hosts, repository or three_versions, tmp_path)
        made.append(site)
        if set_up:
            site.set_up(layout)
        return site

    yield make
    for site in made:
        site.end()


@pytest.fixture
def site(make_site: Callable[..., Site], shared_host: Host) -> Site:
    """A service with the layout `releases` on a host that other tests use too."""
    return make_site(shared_host)
