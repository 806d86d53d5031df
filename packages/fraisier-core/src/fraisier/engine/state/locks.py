"""The lock of a target: a lease with a heartbeat, held by one process, taken over when that is certainly gone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from fraisier.contract.errors import DeploymentLockedError, FraisierError
from fraisier.engine.state import statements
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.heartbeat import Heartbeat
from fraisier.engine.state.interrupted import close, error_of
from fraisier.engine.state.lease import Fence, LockRow, acquire, release
from fraisier.engine.state.owner import Owner
from fraisier.engine.state.patience import Patience
from fraisier.engine.state.records import encoded

LEASE_SECONDS: Final = 30.0


class DeploymentLock:
    """Holds the lock of a target for a `with` block, or raises DeploymentLockedError that says who does.

    Args:
        service_name: `fraise:environment`.
        provider_name: the provider that works on it.
        database: the file of the state database.
        holder: who deploys, as `user@host`.
        deployment: the public id of the deployment that the lock is for.
        lease_seconds: how long the lock outlives the last heartbeat, where nobody can see that its holder died.
        wait_seconds: how long to wait for another holder.
        on_wait: called once, with the error that waiting avoids, before the wait.
    """

    def __init__(
        self,
        service_name: str,
        provider_name: str,
        *,
        database: Path,
        holder: str,
        deployment: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
        wait_seconds: float = 0.0,
        on_wait: Callable[[DeploymentLockedError], None] | None = None,
    ) -> None:
        self.service_name = service_name
        self.provider_name = provider_name
        self._path = database
        self._holder = holder
        self._deployment = deployment
        self._lease_seconds = lease_seconds
        self.patience = Patience(wait_seconds, on_wait)
        self._id = ""
        self._fence: Fence | None = None
        self._database: StateDatabase | None = None
        self._heartbeat: Heartbeat | None = None

    def __enter__(self) -> DeploymentLock:
        self._id = str(uuid.uuid4())
        self._database = StateDatabase.open(self._path)
        try:
            token = self._acquire_or_wait(self._database)
            self._fence = Fence(
                token=token,
                service_name=self.service_name,
                provider_name=self.provider_name,
                deployment=self._deployment,
            )
            self._heartbeat = Heartbeat(self._path, token, self._lease_seconds)
            self._heartbeat.start()
        except BaseException:
            # Ctrl-C may come at any moment, also when the row is written already.
            self._let_go()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._let_go()

    @property
    def fence(self) -> Fence:
        """What the history needs to write only while this lock is held."""
        if self._fence is None:
            raise RuntimeError("the lock is not held")
        return self._fence

    @property
    def lost(self) -> bool:
        """Whether the heartbeat found that somebody else has the lock; `check` asks anew."""
        return self._heartbeat is not None and self._heartbeat.lost.is_set()

    def check(self) -> None:
        """Raise LeaseLostError, naming who has the lock now, unless this process still holds it."""
        fence, database = self.fence, self._database
        if database is None:
            raise RuntimeError("the lock is not held")
        fence.require(database)

    def _acquire_or_wait(self, database: StateDatabase) -> int:
        while True:
            try:
                return acquire(
                    database,
                    self._id,
                    self.service_name,
                    self.provider_name,
                    holder=self._holder,
                    deployment=self._deployment,
                    lease_seconds=self._lease_seconds,
                )
            except DeploymentLockedError as error:
                if not self.patience.wait(error):
                    raise

    def _let_go(self) -> None:
        database, heartbeat = self._database, self._heartbeat
        self._database = self._heartbeat = self._fence = None
        if heartbeat is not None:
            heartbeat.stop()
        if database is not None:
            # A row that cannot be deleted now ends with its lease or this process; the work itself is done.
            with suppress(FraisierError):
                release(database, self._id)
            database.close()


def list_locks(database: StateDatabase) -> list[LockRow]:
    """Return the locks that are held, without those whose holder is certainly gone."""
    rows = database.rows("SELECT * FROM v_deployment_lock ORDER BY identifier")
    return [LockRow.of(row) for row in rows if not Owner.of(row).is_certainly_gone()]


def freeze(
    database: StateDatabase, fraise: str, environment: str, provider: str, holder: str, reason: str
) -> LockRow:
    """Lock a target by hand, until somebody breaks the lock."""
    lock_id = str(uuid.uuid4())
    with database.transaction():
        acquire(database, lock_id, f"{fraise}:{environment}", provider, holder=holder, reason=reason)
        return LockRow.of(database.rows("SELECT * FROM v_deployment_lock WHERE id = ?", [lock_id])[0])


def break_lock(database: StateDatabase, fraise: str, environment: str, user: str = "") -> list[LockRow]:
    """Take the locks of a target away from whoever holds them, and remember in their deployments who did that."""
    message = f"lock broken by {user or Owner.this().host}"
    with database.transaction():
        rows = database.rows(
            "SELECT * FROM v_deployment_lock WHERE service_name = ? ORDER BY identifier",
            [f"{fraise}:{environment}"],
        )
        for row in rows:
            release(database, row["id"])
            _remember(database, row["deployment"], message)
    return [LockRow.of(row) for row in rows]


def _remember(database: StateDatabase, deployment: str | None, message: str) -> None:
    """End the deployment of a broken lock if its process is gone; otherwise leave word for it."""
    running = "SELECT * FROM v_deployment WHERE id = ? AND status = 'running'"
    for row in database.rows(running, [deployment]):
        if Owner.of(row).is_certainly_gone():
            close(database, row, message)
        else:
            database.write(statements.REMEMBER_BROKEN, [encoded(error_of(message)), row["id"]])
