"""A Coolify server that stands in for a real one, and fraisier's command line with a target on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from fraisier.cli.main import run

from .standin.certificate import Certificate
from .standin.coolify import Coolify
from .standin.request import Request
from .standin.versions import NEWEST
from .standin.world import Application, Service

POLL = 0.05
PROGRAM = str(Path(sys.executable).with_name("fraisier"))
TOKEN = "COOLIFY_TOKEN"
MESSAGE = re.compile(r"^fraisier: (?!warning: ).*", re.MULTILINE)


class Said(NamedTuple):
    """What a command line came to."""

    out: str
    err: str


class Site:
    """A target `shop:production` in a `fraises.yaml` of its own, and the command lines on it."""

    def __init__(self, coolify: Coolify, of: Application | Service, folder: Path) -> None:
        self.coolify = coolify
        self.of = of
        self.folder = folder
        self.token = coolify.token
        self.url = coolify.site(of)
        kind = "service" if isinstance(of, Service) else "application"
        self.options: dict[str, Any] = {
            "url": coolify.url,
            "api_key": f"${{{TOKEN}}}",
            kind: of.uuid,
            "poll_interval": POLL,
            "settle_timeout": 1,
            "request_timeout": 10,
        }
        if kind == "service":
            self.options["version_by"] = "env:TAG"
        self.health_check: dict[str, Any] = {"url": self.url, "expect_body": "{version}", "timeout": 2}

    @property
    def columns(self) -> dict[str, Any]:
        """What is set in the application."""
        assert isinstance(self.of, Application)
        return self.of.columns

    @property
    def environ(self) -> dict[str, str]:
        ours = {"FRAISIER_CONFIG", "FRAISIER_DATABASE", "FRAISIER_TRACE"}
        return {name: value for name, value in os.environ.items() if name not in ours} | {TOKEN: self.token}

    def arguments(self, *words: str) -> list[str]:
        """Write `fraises.yaml`, and return the arguments of a command line that reads it."""
        entry = {"provider": "coolify", "config": self.options, "health_check": self.health_check}
        path = self.folder / "fraises.yaml"
        path.write_text(json.dumps({"fraises": {"shop": {"providers": {"production": entry}}}}), encoding="utf-8")
        return ["--config", str(path), *words]

    def fraisier(self, *words: str, code: int = 0, trace: bool = False) -> Said:
        """Run a command line to its end, which must be that exit code, and one clear message unless it is 0.

        It runs in this process, which is quicker, with an environment of its own.
        """
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(StringIO()) as out,
            redirect_stderr(StringIO()) as err,
        ):
            patch.setattr(os, "environ", self.environ)
            ended = run(self.arguments(*words))
        said = Said(out.getvalue(), err.getvalue())
        assert ended == code, f"exit code {ended}:\n{said.out}{said.err}"
        assert ("Traceback" in said.err) is trace
        assert len(MESSAGE.findall(said.err)) == (code != 0), said.err
        return said

    def deploy(self, version: str, *more: str, code: int = 0) -> str:
        """Deploy a version and return what was said about it."""
        return self.fraisier("deploy", "shop", "production", "--version", version, *more, code=code).err

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Give a command line while it runs, its stdout and stderr as one pipe; it is killed afterwards."""
        line, pipe = [PROGRAM, *self.arguments(*words)], subprocess.PIPE
        with subprocess.Popen(line, env=self.environ, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def look(self, *words: str) -> Any:
        """Return the document of a command line that only looks."""
        return json.loads(self.fraisier(*words, "--json").out)

    def history(self) -> list[tuple[str, str]]:
        """Return version and status of every attempt, newest first."""
        return [(each["version"], each["status"]) for each in self.look("history")]

    def is_unharmed(self, *, old: str = "1.0.0") -> None:
        """Hold it, after a deployment of 1.1.0 came to nothing, to what has to be true; then deploy it."""
        rows = [row for row in self.coolify.world.deployments if not row.pull_request_id]
        assert not [row for row in rows if row.is_open], "a deployment of ours still waits or runs"
        assert self.serves() == old
        assert self.columns["docker_registry_image_tag"] == old
        (told,) = self.look("status")
        assert (told["state"], told["version"]) == ("running", old)
        self.deploy("1.1.0")
        assert self.serves() == "1.1.0"
        assert self.history()[0] == ("1.1.0", "success")

    def serves(self) -> str:
        """Return the version that answers."""
        return requests.get(self.url, timeout=20).text.split()[1]


def real(request: Request) -> bool:
    """Tell a change or a deployment from a question about what the token may do, which sends nothing."""
    return request.body != b"{}"


@pytest.fixture
def coolify(request: pytest.FixtureRequest) -> Iterator[Coolify]:
    """A stand-in of the newest version, or of the one given by `parametrize("coolify", [...], indirect=True)`."""
    with Coolify(getattr(request, "param", NEWEST)) as running:
        yield running


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate by an authority that nobody knows yet."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return Certificate(tmp_path)


@pytest.fixture
def make_site(coolify: Coolify, tmp_path: Path) -> Callable[[Application | Service], Site]:
    """Make the target of an application or a service."""
    return lambda of: Site(coolify, of, tmp_path)


@pytest.fixture
def site(coolify: Coolify, make_site: Callable[[Application | Service], Site]) -> Site:
    """An image application in service with 1.0.0, which others have put there: fraisier's history is empty."""
    application = coolify.add_application()
    coolify.put_in_service(application)
    return make_site(application)
