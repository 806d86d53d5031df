"""A provider that keeps to the contract: what is in service is the book that lies on a shelf.

The tests install it as a distribution of its own, whole or with one line changed.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import fraisier
from fraisier import Check, Deployed, Health, Progress, Release, Secret, Status, Target, TargetError, hookimpl


class Options(fraisier.Options):
    books: str
    shelf: str
    token: Secret


class Place(NamedTuple):
    books: Path
    shelf: Path
    token: Secret


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    at = read(target)
    return [Check(name="books", passed=at.books.is_dir(), detail=f"{at.books}", hint=f"mkdir {at.books}")]


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    at = read(target)
    version = str(release.version)
    with locked(at.shelf):
        with progress.step("read"):
            progress.line(f"reading {version}")
            if not (at.books / version).is_file():
                raise TargetError(f"there is no book {version}", hint=f"see: ls {at.books}")
            text = (at.books / version).read_bytes()
        revision = sha256(text).hexdigest()
        now = status(target).release
        if now is not None and now.revision == revision and not release.force:
            return Deployed(version=version, revision=revision, details=now.details, changed=False)
        copy = f"copy-{len(list(at.shelf.glob('copy-*')))}"
        (at.shelf / copy).write_bytes(text)
        put(at.shelf, version, revision, copy)
        return Deployed(version=version, revision=revision, details={"copy": copy})


@hookimpl
def status(target: Target) -> Status:
    at = read(target)
    record = recorded(at.shelf)
    if record is None:
        return Status(state="stopped")
    release = Release(version=record["version"], revision=record["revision"], details={"copy": record["copy"]})
    return Status(state="running", release=release, since=datetime.fromisoformat(record["since"]))


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    at = read(target)
    copy = str(release.details.get("copy"))
    with locked(at.shelf):
        if not (at.shelf / copy).is_file():
            raise TargetError(f"there is no {copy} of {release.version}")
        put(at.shelf, str(release.version), str(release.revision), copy)
        return Deployed(version=str(release.version), revision=str(release.revision), details={"copy": copy})


@hookimpl
def health(target: Target) -> Health:
    at = read(target)
    if target.health_check is not None:
        return fraisier.probe(target.health_check, fraisier.Here())
    record = recorded(at.shelf)
    healthy = record is not None and b"broken" not in (at.shelf / record["copy"]).read_bytes()
    return Health(healthy=healthy, detail="the book was opened", final=True)


@hookimpl
def logs(target: Target, lines: int, follow: bool) -> Iterable[str]:
    at = read(target)
    written = (at.shelf / "log").read_text().splitlines() if recorded(at.shelf) else []
    return written[-lines:] if lines else []


def read(target: Target) -> Place:
    options = fraisier.read_options(target, Options)
    return Place(target.folder / options.books, target.folder / options.shelf, options.token)


def recorded(shelf: Path) -> dict[str, str] | None:
    record = shelf / "record"
    return dict(json.loads(record.read_text())) if record.exists() else None


def put(shelf: Path, version: str, revision: str, copy: str) -> None:
    since = datetime.now(UTC).isoformat()
    record = {"version": version, "revision": revision, "copy": copy, "since": since}
    with (shelf / "log").open("a") as log:
        log.write("opened\n" * 6)
    (shelf / "record").write_text(json.dumps(record))


@contextmanager
def locked(shelf: Path) -> Iterator[None]:
    shelf.mkdir(exist_ok=True)
    with (shelf / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise fraisier.DeploymentLockedError("somebody else reads here") from None
        yield
