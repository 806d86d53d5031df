"""A whole deploy of a Compose project against Compose's own commands, and the gap in service that each leaves.

hatch run lab:up && hatch run bench-compose [RUNS]

Both do the same on one engine: pull a new version of a web service, replace its container, wait until it is
healthy. `fraisier` also looks before it begins, guards the project, and wants an answer with the version. Times
are of whole commands, from start to end; each is the median of some runs, taken in turn.

In runs of their own a request is sent fifty times a second, and has a second to be answered: this shows the gap.
Times are not taken there, since users who wait in front of a container that just started keep the service itself
from answering for a second or two, whoever started it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from lab.daemon import Daemon
from lab.lab import Lab, open_lab
from lab.ports import free_port
from lab.registry import Registry
from lab.services import PORT

PAUSE = 0.02
"""Seconds between two requests."""
STARTS = {"a service that is up at once": 0, "a service that takes 2 s to start": 2}
MARK = 1.2


class Request(NamedTuple):
    """One request of a user."""

    sent: float
    answered: bool


@dataclass(frozen=True)
class Seen:
    """What users saw of a deployment."""

    requests: Sequence[Request]

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return sum(not each.answered for each in self.requests)

    @property
    def gap(self) -> float:
        """The longest time from a good request before one that failed to the next good one, in seconds."""
        ordered = sorted(self.requests)
        good = [number for number, each in enumerate(ordered) if each.answered]
        pairs = [(before, after) for before, after in pairwise(good) if after - before > 1]
        return max((ordered[after].sent - ordered[before].sent for before, after in pairs), default=0.0)


@dataclass
class Project:
    """A project with one web service, and the way to deploy it."""

    folder: Path
    environment: dict[str, str]
    registry: Registry
    start_delay: int
    name: str
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        service = {
            "image": f"{self.registry.repository(self.name)}:${{VERSION}}",
            "restart": "always",
            "ports": [f"127.0.0.1:{self.port}:{PORT}"],
            "environment": {"START_DELAY": str(self.start_delay)},
        }
        (self.folder / "compose.yaml").write_text(json.dumps({"name": self.name, "services": {"web": service}}))
        config = {"compose_file": "compose.yaml", "service_name": "web"}
        check = {"url": self.url, "expect_body": "{version}"}
        target = {"provider": "docker_compose", "config": config, "health_check": check}
        (self.folder / "fraises.yaml").write_text(
            json.dumps({"fraises": {"app": {"providers": {"bench": target}}}})
        )

    @property
    def url(self) -> str:
        """Where the service answers with its version."""
        return f"http://127.0.0.1:{self.port}/"

    def by_hand(self, version: str) -> None:
        """`docker compose pull && docker compose up -d --wait`."""
        self._run("docker compose pull && docker compose up -d --wait", version)

    def fraisier(self, version: str) -> None:
        """`fraisier deploy`."""
        program = Path(sysconfig.get_path("scripts")) / "fraisier"
        self._run(f"{program} deploy app bench --version {version}", version)

    def answer(self) -> str:
        """Return the version that the service answers, or nothing."""
        try:
            with urllib.request.urlopen(self.url, timeout=1) as answer:
                return str(answer.read().decode()).strip()
        except (OSError, HTTPException):
            return ""

    @contextmanager
    def watched(self) -> Iterator[list[Request]]:
        """Send a request every `PAUSE` while in here, also when those before it are not answered yet."""
        sent: list[Request] = []
        ended = threading.Event()

        def send() -> None:
            started = time.perf_counter()
            answered = bool(self.answer())
            sent.append(Request(started, answered))

        def go_on() -> None:
            with ThreadPoolExecutor(64) as pool:
                while not ended.wait(PAUSE):
                    pool.submit(send)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield sent
        finally:
            ended.set()
            thread.join()

    def _run(self, command: str, version: str) -> None:
        done = subprocess.run(
            ["sh", "-c", command],
            env={**self.environment, "VERSION": version},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or self.answer() != version:
            sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def measure(lab: Lab, engine: Daemon, registry: Registry, folder: Path, start_delay: int, runs: int) -> None:
    """Time both ways in turn, and print medians and what users saw."""
    environment = {**os.environ, **engine.environment}
    # Python keeps what it has compiled, as on anybody's machine.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    ways: dict[str, tuple[Project, Callable[[str], None]]] = {}
    for way in ("by_hand", "fraisier"):
        project = Project(
            folder / f"{way}-{start_delay}", environment, registry, start_delay, f"{way}-{start_delay}"
        )
        ways[way.replace("_", " ")] = project, getattr(project, way)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    seen: dict[str, list[Seen]] = {way: [] for way in ways}
    for number in range(2 * runs + 1):
        for way, (project, deploy) in ways.items():
            version = f"v{number}"
            registry.push(project.name, version, lab.services.web(version))
            if number > runs:
                seen[way].append(_under_requests(project, deploy, version))
                continue
            started = time.perf_counter()
            deploy(version)
            if number:  # The first one makes the project.
                taken[way].append(time.perf_counter() - started)
    first = statistics.median(taken["by hand"])
    for way, found in seen.items():
        median = statistics.median(taken[way])
        failed = statistics.median(each.failed for each in found)
        gap = statistics.median(each.gap for each in found) * 1000
        users = f"{failed:.0f} requests failed, the gap was {gap:.0f} ms"
        print(f"  {way:10} {median:6.2f} s   {median / first:5.2f} times by hand   {users}", flush=True)


def _under_requests(project: Project, deploy: Callable[[str], None], version: str) -> Seen:
    with project.watched() as requests:
        time.sleep(10 * PAUSE)
        deploy(version)
        time.sleep(10 * PAUSE)
    return Seen(requests)


def main() -> None:
    """Measure services that start at once and slowly."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with (
        tempfile.TemporaryDirectory() as folder,
        open_lab() as lab,
        lab.daemon() as engine,
        lab.registry() as registry,
    ):
        for what, start_delay in STARTS.items():
            print(f"{what} (mark: {MARK})", flush=True)
            measure(lab, engine, registry, Path(folder), start_delay, runs)


if __name__ == "__main__":
    main()
