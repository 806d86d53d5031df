"""Putting a release in service, forwards or back, in the order in which it happens."""

from __future__ import annotations

from contextlib import suppress

from fraisier import Deployed, Progress, Release, Target, TargetError

from fraisier_local import releases, service, service_log
from fraisier_local.git import repository_of
from fraisier_local.layout import Layout
from fraisier_local.lock import locked
from fraisier_local.mirror import Mirror
from fraisier_local.options import Options
from fraisier_local.records import Ledger, Process, entry, read_process


def deploy(target: Target, options: Options, layout: Layout, release: Release, progress: Progress) -> Deployed:
    """Fetch, make a release, and put it in service in place of the one that runs."""
    with locked(layout, target):
        _clean(layout)
        mirror = Mirror(layout.mirror, repository_of(target, options), progress.line)
        with progress.step("fetch"):
            version, revision = _resolved(mirror, options, release.version)
        process = read_process(layout)
        if process is not None and _in_service(process, revision) and not release.force:
            return _deployed(process.version, revision, process.id, changed=False)
        release_id = releases.make(mirror, layout, options, version, revision, progress)
        mirror.keep(revision)
        _replace(target, options, layout, progress, release_id, version, revision)
        with suppress(OSError):  # The release is in service; what is left over goes with the next one.
            releases.prune(layout, options.keep_releases)
        return _deployed(version, revision, release_id)


def roll_back(target: Target, options: Options, layout: Layout, release: Release, progress: Progress) -> Deployed:
    """Put a release in service that was before: its folder, or the same commit made anew when that is gone."""
    revision = release.revision
    if revision is None:
        raise TargetError(
            "the release to go back to has no revision", hint="name one: fraisier deploy --version V"
        )
    version = release.version or revision
    with locked(layout, target):
        _clean(layout)
        mirror = Mirror(layout.mirror, repository_of(target, options), progress.line)
        release_id = _kept(layout, release)
        if release_id is None:
            if reason := mirror.fetch_commit(revision):
                raise TargetError(
                    f"commit {revision[:12]} is not here, nor to be had from {mirror.repository.shown}: {reason}",
                    hint="deploy another version",
                )
            release_id = releases.make(mirror, layout, options, version, revision, progress)
            mirror.keep(revision)
        _replace(target, options, layout, progress, release_id, version, revision, back=True)
        return _deployed(version, revision, release_id)


def _clean(layout: Layout) -> None:
    service_log.rotate(layout.log)
    releases.remove_leftovers(layout)


def _resolved(mirror: Mirror, options: Options, asked: str | None) -> tuple[str, str]:
    """Return the version as people call it, and its commit."""
    mirror.fetch()
    if asked is not None:
        return asked, mirror.resolve(asked)
    branch = options.branch or mirror.default_branch()
    if branch is not None:
        return branch, mirror.head_of(branch)
    revision = mirror.detached_head()
    return revision[:12], revision


def _in_service(process: Process, revision: str) -> bool:
    return process.revision == revision and process.stopped_at is None and service.is_running(process)


def _replace(
    target: Target,
    options: Options,
    layout: Layout,
    progress: Progress,
    release_id: str,
    version: str,
    revision: str,
    back: bool = False,
) -> None:
    """Stop what runs, and start the release in its place."""
    ledger = Ledger(layout.ledger)
    good = ledger.good()
    with progress.step("stop"):
        service.stop(layout, options.stop_timeout)
    if back and good and good[0].id != release_id:
        ledger.append(entry(target, "rolled_back", good[0].id, good[0].version, good[0].revision))
    with progress.step("switch"):
        releases.switch(layout, release_id)
    with progress.step("start"):
        service.start(target, options, layout, release_id, version, revision)


def _kept(layout: Layout, release: Release) -> str | None:
    """Return the folder that still holds a release: its own by preference, else another one of the same commit."""
    started = Ledger(layout.ledger).started().values()
    same = [line.id for line in started if line.revision == release.revision and layout.release(line.id).is_dir()]
    own = release.details.get("release")
    return own if own in same else (same[-1] if same else None)


def _deployed(version: str, revision: str, release_id: str, *, changed: bool = True) -> Deployed:
    return Deployed(version=version, revision=revision, details={"release": release_id}, changed=changed)
