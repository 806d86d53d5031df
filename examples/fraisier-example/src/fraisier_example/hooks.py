"""The provider `static_site`: six hooks and their options."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import fraisier
from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl
from msgspec import Meta


class Options(fraisier.Options):
    """What stands under `config` in `fraises.yaml`."""

    source: Annotated[str, Meta(min_length=1, description="Folder that holds one folder for each version.")]
    path: Annotated[
        str, Meta(min_length=1, description="Folder to publish in; `current` in it is what is served.")
    ]


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look whether there is something to publish."""
    source, _ = _folders(target)
    return [Check(name="source", passed=source.is_dir(), detail=str(source), hint=f"mkdir -p {source}")]


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Copy a version, and switch to it."""
    source, path = _folders(target)
    version = release.version or "latest"
    folder = source / version
    if Path(version).name != version or not folder.is_dir():
        raise fraisier.TargetError(f'no version "{version}" in {source}', hint=f"ls {source}")
    with progress.step("copy"):
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        names = b"".join(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() for file in files)
        revision = hashlib.sha256(names).hexdigest()
        now = status(target).release
        if now is not None and now.revision == revision and not release.force:
            return Deployed(version=version, revision=revision, changed=False)
        kept = path / "releases" / revision
        shutil.copytree(folder, kept, dirs_exist_ok=True)
    return _publish(path, Deployed(version=version, revision=revision), progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell where `current` points."""
    _, path = _folders(target)
    if not (path / "current").is_symlink():
        return Status(state="stopped")
    record = json.loads((path / "releases" / f"{(path / 'current').readlink().name}.json").read_text("utf-8"))
    return Status(state="running", release=Release(**record), details={"path": str(path / "current")})


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Switch back to a copy that was published before."""
    _, path = _folders(target)
    if not (path / "releases" / str(release.revision)).is_dir():
        raise fraisier.TargetError(f"release {release.version} is not in {path / 'releases'} any more")
    return _publish(path, Deployed(version=str(release.version), revision=str(release.revision)), progress)


@hookimpl
def health(target: Target) -> Health:
    """Probe as `health_check` says, or look for an index page."""
    if target.health_check is not None:
        return fraisier.probe(target.health_check, fraisier.Here())
    index = _folders(target)[1] / "current" / "index.html"
    return Health(
        healthy=index.is_file(), detail=f"{index} {'exists' if index.is_file() else 'is missing'}", final=True
    )


@hookimpl
def logs(target: Target, lines: int, follow: bool) -> Iterable[str]:
    """Tell what was published."""
    if follow:
        raise fraisier.Unsupported("static_site writes its log only when it publishes; leave --follow out")
    log = _folders(target)[1] / "published.log"
    return deque(log.read_text("utf-8").splitlines(), maxlen=lines) if log.exists() else []


def _folders(target: Target) -> tuple[Path, Path]:
    options = fraisier.read_options(target, Options)
    return target.folder / options.source, target.folder / options.path


def _publish(path: Path, deployed: Deployed, progress: Progress) -> Deployed:
    with progress.step("switch"):
        record = {"version": deployed.version, "revision": deployed.revision}
        (path / "releases" / f"{deployed.revision}.json").write_text(json.dumps(record), "utf-8")
        link = path / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("releases") / deployed.revision)
        link.replace(path / "current")
        with (path / "published.log").open("a", encoding="utf-8") as log:
            log.write(f"{deployed.version} {deployed.revision}\n")
    return deployed
