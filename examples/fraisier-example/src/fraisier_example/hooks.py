"""The provider `static_site`: a version is a zip archive, and deploying it switches a link to its files."""

from __future__ import annotations

import fcntl
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import fraisier
from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl
from msgspec import Meta


class Options(fraisier.Options):
    """What stands under `config` in `fraises.yaml`."""

    source: Annotated[str, Meta(min_length=1, description="Folder with an archive for each version, as v1.zip.")]
    path: Annotated[str, Meta(min_length=1, description="Folder to publish in; `current` in it is served.")]


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look whether there is something to publish."""
    source, _ = _folders(target)
    return [Check(name="source", passed=source.is_dir(), detail=str(source), hint=f"mkdir -p {source}")]


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Unpack a version, and switch to it."""
    source, path = _folders(target)
    version = release.version or "latest"
    archive = source / f"{version}.zip"
    if archive not in source.glob("*.zip"):
        raise fraisier.TargetError(f'there is no version "{version}" in {source}', hint=f"see: ls {source}")
    with _changing(target, path):
        revision = sha256(archive.read_bytes()).hexdigest()
        now = status(target)
        same = now.state == "running" and now.release == Release(version=version, revision=revision)
        if same and not release.force:
            return Deployed(version=version, revision=revision, changed=False)
        with progress.step("unpack"):
            shutil.rmtree(path / "unfinished", ignore_errors=True)
            shutil.unpack_archive(archive, path / "unfinished")
        folder = path / f"{version}@{revision}"
        if not folder.exists():
            (path / "unfinished").rename(folder)
        return _switch(path, version, revision, progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell where `current` points."""
    current = _folders(target)[1] / "current"
    if not current.is_symlink():
        return Status(state="stopped")
    version, _, revision = current.readlink().name.rpartition("@")
    release = Release(version=version, revision=revision)
    return Status(state="running" if current.is_dir() else "failed", release=release)


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Switch back to what was in service before."""
    _, path = _folders(target)
    with _changing(target, path):
        return _switch(path, str(release.version), str(release.revision), progress)


@hookimpl
def health(target: Target) -> Health:
    """Probe as `health_check` says, or look for an index page."""
    if target.health_check is not None:
        return fraisier.probe(target.health_check, fraisier.Here())
    index = _folders(target)[1] / "current" / "index.html"
    found = index.is_file()
    return Health(healthy=found, detail=f"{index} is {'there' if found else 'missing'}", final=True)


@hookimpl
def logs(target: Target, lines: int, follow: bool) -> Iterable[str]:
    """Tell what was published."""
    if follow:
        raise fraisier.Unsupported("the log of static_site grows only by deployments; leave --follow out")
    log = _folders(target)[1] / "published.log"
    return deque(log.read_text().splitlines(), maxlen=lines) if log.exists() else []


def _folders(target: Target) -> tuple[Path, Path]:
    options = fraisier.read_options(target, Options)
    return target.folder / options.source, target.folder / options.path


@contextmanager
def _changing(target: Target, path: Path) -> Iterator[None]:
    """Keep others from changing the target; the kernel frees the lock however this process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with (path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError:
        raise fraisier.DeploymentLockedError(f"somebody else is deploying {target.identifier}") from None
    except OSError as error:
        raise fraisier.TargetError(f"cannot publish in {path}: {error}") from error


def _switch(path: Path, version: str, revision: str, progress: Progress) -> Deployed:
    folder = path / f"{version}@{revision}"
    if not folder.is_dir():
        raise fraisier.TargetError(f"{folder} is not there any more", hint="deploy another version")
    with progress.step("switch"):
        link = path / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(path / "current")
        with (path / "published.log").open("a") as log:
            log.write(f"{folder.name}\n")
    return Deployed(version=version, revision=revision)
