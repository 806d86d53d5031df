"""Deploying an application in plain order: look, take a place in the queue, follow, settle."""

from __future__ import annotations

import time
from typing import NamedTuple

from fraisier import Deployed, DeploymentLockedError, FraisierError, Progress, Release

from fraisier_coolify import creation, deployment_queue, lookup, stack
from fraisier_coolify.condition import Condition
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.environment import Variables
from fraisier_coolify.following import Following
from fraisier_coolify.resources import Row, Service
from fraisier_coolify.settling import settle
from fraisier_coolify.version_by import Settings, Way, way_of


class Change(NamedTuple):
    """What is to be put in service, and how."""

    version: str | None
    revision: str | None
    """What must come out of it; None where only deploying tells."""
    settings: Settings
    force: bool = False
    rollback_to: str | None = None
    """The commit whose kept build is to be taken."""


def deploy(coolify: Coolify, release: Release, progress: Progress) -> Deployed:
    """Set the version, queue a deployment, and follow it."""
    coolify.client.tell = progress.line
    with progress.step("look"):
        found = lookup.find(coolify) or creation.create(coolify, progress)
    if isinstance(found, Service):
        return stack.deploy(coolify, found, release, progress)
    way = way_of(coolify, found)
    change = Change(
        version=release.version,
        revision=way.revision(release.version),
        settings=way.settings(release.version),
        force=way.forces or release.force or coolify.options.force,
    )
    now = _running(coolify, way)
    if now is not None and now.revision == change.revision and not release.force:
        return deployed(now, changed=False)
    return deployed(put_in_service(coolify, way, change, progress))


def deployed(release: Release, *, changed: bool = True) -> Deployed:
    """Return a release as what was put in service."""
    version, revision = release.version or "", release.revision or ""
    return Deployed(version=version or revision, revision=revision, details=release.details, changed=changed)


def put_in_service(coolify: Coolify, way: Way, change: Change, progress: Progress) -> Release:
    """Make a change as one deployment; one that comes to nothing leaves the settings as they were."""
    attempt = _Attempt(coolify, way, change, progress)
    try:
        # The settings and the place in the queue belong together: whoever comes in between would deploy them.
        with progress.step("queue"):
            following = attempt.queue()
        with progress.step("deploy"):
            row = following.to_its_end(attempt.deadline)
            release = way.finished(change.version, change.revision, row)
    except BaseException as failure:
        attempt.give_up(failure)
        raise
    if coolify.target.health_check is None:
        with progress.step("settle"):
            settle(coolify, way.application, progress)
    made = (
        f"{coolify.client.requests} requests to Coolify in all, {following.looks} of them to follow the deployment"
    )
    progress.line(made)
    return release


def _running(coolify: Coolify, way: Way) -> Release | None:
    """Return the release that runs with all that fraises.yaml wants; None where there is something to do."""
    rows = deployment_queue.recent(coolify, way.application)
    if any(row.is_active for row in rows) or Condition.of(way.application.status).state != "running":
        return None
    wanted = coolify.variables
    if wanted and Variables(coolify, way.application).differing(wanted):
        return None
    return way.release_in_service(rows)


class _Attempt:
    """One deployment of ours, from the settings that it needs to its end, whatever that is."""

    def __init__(self, coolify: Coolify, way: Way, change: Change, progress: Progress) -> None:
        self._coolify = coolify
        self._way = way
        self._change = change
        self._progress = progress
        self._before = way.application
        self._newest: int | None = None
        """The id of the newest deployment before ours; None as long as nothing of ours was written."""
        self._following: Following | None = None
        self.deadline = time.monotonic() + coolify.options.timeout

    def queue(self) -> Following:
        """Wait until nobody else deploys, set the version, and queue a deployment; or join the one of the same."""
        coolify, change, application = self._coolify, self._change, self._before
        joined = None if change.force else change.revision
        turn = deployment_queue.wait_for_turn(coolify, application, joined, self._progress, self.deadline)
        row = turn.joined
        if row is None:
            self._newest = turn.newest
            self._way.apply(change.version, change.settings)
            wanted = coolify.variables
            if wanted:
                Variables(coolify, application).set(wanted)
            row = self._start()
        self._following = Following(coolify, application, row, self._progress)
        return self._following

    def give_up(self, failure: BaseException) -> None:
        """Cancel what still runs, and put the settings back, unless the version is in service after all."""
        if self._newest is None or isinstance(failure, DeploymentLockedError):
            # What is set by now may be what the deployment of somebody else needs.
            return
        try:
            row = self._following.row if self._following else self._appeared()
            if row is not None and not row.has_ended:
                if self._following and self._following.is_late and not self._coolify.options.cancel_on_timeout:
                    self._progress.line("the deployment goes on in Coolify, as cancel_on_timeout: false asks")
                    return
                row = deployment_queue.cancel(self._coolify, self._before, row)
                self._progress.line(f"asked Coolify to cancel the deployment, which is now {row.status}")
            if row is None or row.status != "finished":
                self._way.put_back(self._before)
        except FraisierError as second:
            said = f"and the version that is set in Coolify could not be put back: {second.message}"
            self._progress.line(said)
            if isinstance(failure, FraisierError):
                failure.message += f", {said}"

    def _start(self) -> Row:
        coolify, change, newest = self._coolify, self._change, self._newest or 0
        seconds = max(0.0, self.deadline - time.monotonic())
        if change.rollback_to is not None:
            return deployment_queue.start_rollback(coolify, self._before, newest, change.rollback_to, seconds)
        return deployment_queue.start(coolify, self._before, newest, force=change.force, seconds=seconds)

    def _appeared(self) -> Row | None:
        """Return the deployment that was queued although nobody heard the answer."""
        return deployment_queue.appeared(self._coolify, self._before, self._newest or 0)
