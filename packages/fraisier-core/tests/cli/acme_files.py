"""A provider that keeps its service in a file; a version named after a failure fails in that way."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import fraisier
from fraisier import Check, Deployed, Health, Progress, Release, Secret, Status, Target, TargetError, hookimpl
from msgspec import Meta


class Options(fraisier.Options):
    path: Annotated[str, Meta(min_length=1, description="Where the service is kept.")]
    ready: bool = True
    note: Annotated[str, Meta(description="What status tells besides.")] = ""
    token: Secret | None = None


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    options = fraisier.read_options(target, Options)
    hint = "" if options.ready else "set ready to true"
    return [
        Check(name="ready", passed=options.ready, detail=f"ready is {options.ready}", hint=hint),
        Check(name="spare", passed=False, detail="there is no spare", required=False),
    ]


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    version = release.version or "v1"
    if version == "missing":
        raise TargetError('there is no version "missing"', command="fetch missing", log=["asked", "got nothing"])
    if version == "buggy":
        raise KeyError("no such key")
    now = _read(target)
    if now.get("version") == version and not release.force:
        return Deployed(version=version, revision=f"r-{version}", changed=False)
    with progress.step("install"):
        progress.line(f"installing {version}")
        if target.verbose:
            progress.line("to its last detail")
        _write(target, version, [*now.get("log", []), f"serving {version}"])
        if version == "slow":
            signal.raise_signal(signal.SIGINT)
        if version == "held":
            # Looked for again and again: a signal that comes just before a call that blocks would not end it.
            while not (target.folder / "gate").exists():
                time.sleep(0.02)
    return Deployed(version=version, revision=f"r-{version}", details={"of": version})


@hookimpl
def status(target: Target) -> Status:
    options, now = fraisier.read_options(target, Options), _read(target)
    if options.note == "asleep":
        raise TargetError("nobody answers", hint="wake it up")
    if not now:
        return Status(state="stopped")
    release = Release(version=now["version"], revision=f"r-{now['version']}")
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Status(state="running", release=release, since=since, details={"note": options.note})


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    now = _read(target)
    if now.get("version") == "stuck":
        raise TargetError("the service cannot be replaced")
    with progress.step("put back"):
        _write(target, str(release.version), now.get("log", []))
    return Deployed(version=str(release.version), revision=str(release.revision))


@hookimpl
def health(target: Target) -> Health:
    version = _read(target).get("version")
    good = version in ("v1", "v2")
    detail = f"{version} {'answers' if good else 'is down'}"
    return Health(healthy=good, detail=detail, latency_seconds=0.001, final=True)


@hookimpl
def logs(target: Target, lines: int, follow: bool, since: datetime | None) -> Iterable[str]:
    if since:
        return [f"asked for {lines} lines since {since.isoformat()}"]
    return _log(target, lines, follow)


def _log(target: Target, lines: int, follow: bool) -> Iterable[str]:
    log = _read(target).get("log", [])
    yield from log[-lines:] if lines else []
    while follow:
        if fraisier.read_options(target, Options).note != "endless":
            signal.raise_signal(signal.SIGINT)
        yield "tick"


def _file(target: Target) -> Path:
    return target.folder / fraisier.read_options(target, Options).path / f"{target.fraise}-{target.environment}"


def _read(target: Target) -> dict[str, Any]:
    file = _file(target)
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _write(target: Target, version: str, log: list[str]) -> None:
    file = _file(target)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"version": version, "log": log}))
