"""The runs of the lab: each has a lock that tells whether it lives, and a label on all that it made."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from lab import pools
from lab.engine import Engine
from lab.folder import Folder, Lock

FOLDER_LABEL = "fraisier-lab.folder"
RUN_LABEL = "fraisier-lab.run"
_ENDPOINTS_GONE = 20.0
"""Seconds that an engine may take for it, also a busy one."""


@contextmanager
def registered(engine: Engine, folder: Folder) -> Iterator[str]:
    """Give the id of a new run; afterwards remove all that it made. Runs that died are removed first."""
    remove_dead(engine, folder)
    run = secrets.token_hex(3)
    lock = Lock(_lock(folder, run))
    with folder.census:
        lock.hold()
        folder_of(folder, run).mkdir(mode=0o700)
    try:
        yield run
    finally:
        try:
            _remove(engine, folder, run)
        finally:
            lock.free()


def folder_of(folder: Folder, run: str) -> Path:
    """Return where a run keeps its files."""
    return folder.runs / run


def labels(folder: Folder, run: str) -> list[str]:
    """Return the options by which docker marks what a run makes."""
    return ["--label", f"{FOLDER_LABEL}={folder.root}", "--label", f"{RUN_LABEL}={run}"]


def bridge_name(folder: Folder, run: str) -> str:
    """Return the name of a run's bridge, by which it is found again when the engine has forgotten it."""
    return bridge_prefix(folder) + run


def bridge_prefix(folder: Folder) -> str:
    """Return how the names of all bridges of this folder's runs begin (a name has 15 characters at most)."""
    return "lab" + sha256(str(folder.root).encode()).hexdigest()[:5] + "-"


def alive(folder: Folder) -> list[str]:
    """Return the runs whose process lives."""
    with folder.census:
        found = [Lock(path) for path in sorted(folder.runs.glob("*.lock"))]
        living = [lock.path.stem for lock in found if not lock.hold(wait=False)]
        for lock in found:
            lock.free()
    return living


def remove_dead(engine: Engine, folder: Folder) -> None:
    """Remove what is left of runs whose process has gone."""
    with folder.census:
        for path in folder.runs.glob("*.lock"):
            lock = Lock(path)
            if lock.hold(wait=False):
                _remove(engine, folder, path.stem)
                lock.free()


def remove_all(engine: Engine, folder: Folder) -> None:
    """Remove what any run of this folder has left in the engine, also when its files are gone."""
    _remove_labelled(engine, f"{FOLDER_LABEL}={folder.root}")
    for path in folder.runs.glob("*.lock"):
        _forget(folder, path.stem)


def _remove(engine: Engine, folder: Folder, run: str) -> None:
    _remove_labelled(engine, f"{RUN_LABEL}={run}")
    pools.remove_dead()
    _forget(folder, run)


def _forget(folder: Folder, run: str) -> None:
    shutil.rmtree(folder_of(folder, run), ignore_errors=True)
    _lock(folder, run).unlink(missing_ok=True)


def _remove_labelled(engine: Engine, label: str) -> None:
    deadline = time.monotonic() + _ENDPOINTS_GONE
    while True:
        containers = engine.docker("ps", "--all", "--quiet", "--filter", f"label={label}").stdout.split()
        if containers:
            engine.docker("rm", "--force", "--volumes", *containers)
        networks = engine.docker("network", "ls", "--quiet", "--filter", f"label={label}").stdout.split()
        # The engine lets go of a container's end of a network a moment after the container is gone.
        last = time.monotonic() > deadline
        if not networks or engine.docker("network", "rm", *networks, check=last).returncode == 0:
            return
        time.sleep(0.1)


def _lock(folder: Folder, run: str) -> Path:
    return folder.runs / f"{run}.lock"
