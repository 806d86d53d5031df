"""The deployment queue: what may enter, what may start, and the ways out besides finishing."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .job import Job
from .world import Application, Deployment, Server, World


class Entry(NamedTuple):
    """What asking for a deployment came to; without a row, nothing has that uuid, now or later."""

    outcome: Literal["queued", "skipped", "full"]
    uuid: str


class Queue:
    """The rows of all servers, and the rules by which they start."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(
        self,
        application: Application,
        *,
        commit: str | None = None,
        force: bool = False,
        rollback: bool = False,
        restart_only: bool = False,
        instant: bool = False,
        pull_request_id: int = 0,
        is_api: bool = True,
    ) -> Entry:
        """Ask for a deployment, which may be refused without an error."""
        world, server = self._world, application.server
        uuid = world.uuid()
        queued = [row for row in world.deployments if row.status == "queued" and row.server is server]
        if len(queued) >= server.queue_limit and not instant:
            return Entry("full", uuid)
        commit = commit or self._commit_of(application)
        twin = any(
            row.is_open and row.application is application and row.commit == commit
            for row in world.deployments
            if row.pull_request_id == pull_request_id
        )
        if twin and not (force or rollback or instant):
            return Entry("skipped", uuid)
        row = Deployment(
            id=world.id(),
            uuid=uuid,
            application=application,
            server=server,
            commit=commit,
            created=world.clock.now,
            updated=world.clock.now,
            pull_request_id=pull_request_id,
            force_rebuild=force,
            rollback=rollback,
            restart_only=restart_only,
            is_api=is_api,
        )
        world.deployments.append(row)
        if instant or self._may_start(row):
            self._start(row)
        return Entry("queued", uuid)

    def cancel(self, row: Deployment) -> None:
        """End a row that is open; what the worker has done so far stays done."""
        row.status, row.updated = "cancelled-by-user", self._world.clock.now
        if self._world.version.has("cancel_starts_the_next"):
            self._start_next(row.server)

    def fail_all(self) -> None:
        """Do what Coolify does when it starts: no row survives that."""
        for row in self._world.deployments:
            if row.is_open:
                row.status, row.updated = "failed", self._world.clock.now

    def _commit_of(self, application: Application) -> str:
        pin = str(application.columns["git_commit_sha"])
        tells = application.kind == "dockerimage" or self._world.version.has("row_tells_the_pin")
        return pin if tells else "HEAD"

    def _may_start(self, row: Deployment) -> bool:
        running = [each for each in self._world.deployments if each.status == "in_progress"]
        same = [
            each
            for each in running
            if each.application is row.application and each.pull_request_id == row.pull_request_id
        ]
        on_server = [each for each in running if each.server is row.server]
        return not same and len(on_server) < row.server.concurrent_builds

    def _start(self, row: Deployment) -> None:
        Job(self._world, row, lambda ended: self._start_next(ended.server)).begin()

    def _start_next(self, server: Server) -> None:
        for row in self._world.deployments:
            if row.status == "queued" and row.server is server and self._may_start(row):
                self._start(row)
