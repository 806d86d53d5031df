"""The rows of locks: taking one, the sentences about one, and the fence that guards writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from fraisier.contract.errors import DeploymentLockedError, LeaseLostError
from fraisier.contract.models import UTC as MOMENT
from fraisier.engine.state.database import StateDatabase, now_text, time_text
from fraisier.engine.state.owner import Owner

_REMOVE: Final = "DELETE FROM tb_deployment_lock WHERE service_name = ? AND provider_name = ?"
_INSERT: Final = """
INSERT INTO tb_deployment_lock (id, identifier, service_name, provider_name, holder, host, host_identity, pid,
    process_started, reason, deployment, locked_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NUMBER: Final = "UPDATE tb_deployment_lock SET fencing_token = pk_deployment_lock WHERE id = ?"


class LockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A lock as `lock list` shows it; `expires_at` is None for one that was set by hand."""

    fraise: str
    environment: str
    holder: str
    host: str
    pid: int | None
    locked_at: MOMENT
    expires_at: MOMENT | None
    deployment: str | None
    reason: str | None
    provider: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LockRow:
        """Convert a row of `v_deployment_lock`."""
        fraise, _, environment = row["service_name"].partition(":")
        named = {**row, "fraise": fraise, "environment": environment, "provider": row["provider_name"]}
        return msgspec.convert(named, cls)


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The number of one holding of a lock: what is written with it is written only while that holding lasts."""

    token: int
    service_name: str
    provider_name: str
    deployment: str | None = None

    def require(self, database: StateDatabase) -> None:
        """Raise LeaseLostError unless the lock is still held; in a transaction this stays true to its end."""
        row = _row(database, self.service_name, self.provider_name)
        if row is None or row["fencing_token"] != self.token:
            fraise, _, environment = self.service_name.partition(":")
            raise LeaseLostError(
                f"this process lost its lock on {self.service_name}: {self._loss(database, row)}",
                hint=f"nothing more was written; look with: fraisier status {fraise} {environment}",
            )

    def _loss(self, database: StateDatabase, row: Mapping[str, Any] | None) -> str:
        said = database.rows("SELECT error FROM v_deployment WHERE id = ?", [self.deployment])
        told = msgspec.json.decode(said[0]["error"])["message"] if said and said[0]["error"] else ""
        now = f"now {held_by(row)}" if row is not None else "nobody holds it now"
        return f"{told or 'it expired while this process slept'}, {now}"


def acquire(
    database: StateDatabase,
    lock_id: str,
    service_name: str,
    provider_name: str,
    *,
    holder: str,
    deployment: str | None = None,
    reason: str | None = None,
    lease_seconds: float | None = None,
) -> int:
    """Write a lock in place of none or an abandoned one, without a lease as a freeze, and return its token.

    Raises:
        DeploymentLockedError: somebody else holds it; nothing was written.
    """
    # Looking first without the write lock keeps those who wait out of the way of those who work.
    _require_free(database, service_name, provider_name)
    owner = Owner.this()
    values: list[Any] = [
        lock_id,
        f"{service_name}:{provider_name}",
        service_name,
        provider_name,
        holder,
        owner.host,
    ]
    # A freeze outlives the process that set it, so it names none.
    values += [None] * 3 if lease_seconds is None else [owner.host_identity, owner.pid, owner.process_started]
    with database.transaction():
        _require_free(database, service_name, provider_name)
        database.write(_REMOVE, [service_name, provider_name])
        expires = None if lease_seconds is None else expiry(lease_seconds)
        database.write(_INSERT, [*values, reason, deployment, now_text(), expires])
        # The primary key never comes twice, also not after rows were deleted: AUTOINCREMENT.
        database.write(_NUMBER, [lock_id])
        written = database.rows("SELECT fencing_token FROM v_deployment_lock WHERE id = ?", [lock_id])
    return int(written[0]["fencing_token"])


def release(database: StateDatabase, lock_id: str) -> None:
    """Remove a lock that is still there."""
    if database.rows("SELECT 1 FROM v_deployment_lock WHERE id = ?", [lock_id]):
        database.write("DELETE FROM tb_deployment_lock WHERE id = ?", [lock_id])


def expiry(lease_seconds: float) -> str:
    """Return when a lease that begins now ends."""
    return time_text(datetime.now(UTC) + timedelta(seconds=lease_seconds))


def _require_free(database: StateDatabase, service_name: str, provider_name: str) -> None:
    row = _row(database, service_name, provider_name)
    if row is not None and not _is_abandoned(row):
        raise locked_error(row)


def _is_abandoned(row: Mapping[str, Any]) -> bool:
    """Tell whether a lock may be taken over: its lease has run out, or its holder is gone for sure."""
    ran_out = row["expires_at"] is not None and row["expires_at"] <= now_text()
    return ran_out or Owner.of(row).is_certainly_gone()


def _row(database: StateDatabase, service_name: str, provider_name: str) -> dict[str, Any] | None:
    found = database.rows(
        "SELECT * FROM v_deployment_lock WHERE service_name = ? AND provider_name = ?",
        [service_name, provider_name],
    )
    return found[0] if found else None


def held_by(row: Mapping[str, Any]) -> str:
    """Say who holds a lock, since when, and what for."""
    held = LockRow.of(row)
    place = "" if held.holder.endswith(f"@{held.host}") else f" on {held.host}"
    since = f"since {held.locked_at:%Y-%m-%dT%H:%M:%SZ} ({_age(held.locked_at)})"
    if held.expires_at is None:
        reason = f": {held.reason}" if held.reason else ""
        return f"frozen by {held.holder}{place} {since}{reason}"
    purpose = row["deployment_identifier"] or held.deployment
    return f"locked by {held.holder}{place} (pid {held.pid}) {since}{f' for {purpose}' if purpose else ''}"


def locked_error(row: Mapping[str, Any]) -> DeploymentLockedError:
    """Say that somebody else holds a lock."""
    fraise, _, environment = row["service_name"].partition(":")
    return DeploymentLockedError(
        f"{row['service_name']} is {held_by(row)}",
        hint=f"wait with --wait-lock 15m, or: fraisier lock break {fraise} {environment}",
    )


def _age(since: datetime) -> str:
    seconds = max(0.0, (datetime.now(UTC) - since).total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
