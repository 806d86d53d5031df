"""One process of a test: `actor.py WHAT DATABASE ...` says `ready` when it stands, and acts on a line of input."""

from __future__ import annotations

import os
import sys
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from fraisier import FraisierError, Step
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock

TARGET = "my_api:production"


def ready() -> None:
    print("ready", flush=True)


def lock(path: Path, lease: float = 30.0, wait: float = 0.0, deployment: str | None = None) -> DeploymentLock:
    return DeploymentLock(
        TARGET,
        "local",
        database=path,
        holder="alice@laptop",
        deployment=deployment,
        lease_seconds=lease,
        wait_seconds=wait,
    )


def open_database(path: Path) -> None:
    """Open the database at the same moment as others do, and write to it."""
    ready()
    sys.stdin.readline()
    with StateDatabase.open(path) as database:
        record(History(database), str(uuid.uuid4()))
    print("opened", flush=True)


def record(history: History, deployment_id: str) -> None:
    history.begin(
        deployment_id=deployment_id,
        kind="deploy",
        fraise="my_api",
        environment="production",
        type="api",
        provider="local",
        version="v1",
        user="alice@laptop",
        configuration={},
    )


def hold(path: Path, lease: str) -> None:
    """Hold the lock with a deployment under way; on a line of input, end it as a success, if that is allowed."""
    deployment = f"held-{os.getpid()}"
    with lock(path, float(lease), deployment=deployment) as held, StateDatabase.open(path) as database:
        history = History(database, held.fence)
        record(history, deployment)
        history.note_steps(deployment, [Step(name="build", seconds=0.0, status="running")])
        ready()
        sys.stdin.readline()
        try:
            history.finish(deployment, status="success", revision="abc")
            print("finished", flush=True)
        except FraisierError as error:
            print(f"{type(error).__name__}: {error}", flush=True)


def contend(path: Path, folder: Path, seconds: str, kind: str) -> None:
    """Enter the lock over and over; print how often, and how often somebody else was inside."""
    counter, inside = folder / "counter", folder / "inside"
    entered = overlaps = 0
    ready()
    sys.stdin.readline()
    deadline = time.monotonic() + float(seconds)
    while time.monotonic() < deadline:
        section: AbstractContextManager[object] = nullcontext() if kind == "no-lock" else lock(path, wait=60.0)
        with section:
            try:
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                overlaps += 1
            before = int(counter.read_text() or 0)
            time.sleep(0.001)
            counter.write_text(str(before + 1))
            inside.unlink(missing_ok=True)
        entered += 1
    print(entered, overlaps, flush=True)


if __name__ == "__main__":
    what, path, *more = sys.argv[1:]
    if what == "open":
        open_database(Path(path))
    elif what == "hold":
        hold(Path(path), *more)
    elif what == "contend":
        contend(Path(path), Path(more[0]), *more[1:])
