"""Deployments whose process was killed: telling them from those that run, and recording their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fraisier.contract.errors import InterruptedByUserError
from fraisier.contract.models import Deployment, Step
from fraisier.engine.state import statements
from fraisier.engine.state.database import StateDatabase, now_text
from fraisier.engine.state.owner import Owner
from fraisier.engine.state.records import decoded, deployment_of, encoded


def running_rows(
    database: StateDatabase, fraise: str | None, environment: str | None, except_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the rows that were begun and not ended, oldest first."""
    return database.rows(statements.RUNNING, [fraise, environment, except_id or ""])


def is_over(database: StateDatabase, row: Mapping[str, Any], holding_lock: bool) -> bool:
    """Tell whether a running row is nobody's work any more.

    With `holding_lock` the target is ours, so only a row under another lock that is alive (that of another
    provider) still runs. The same goes for a process from before this host was booted: one of another host of
    the same name would renew its lock.
    """
    owner = Owner.of(row)
    if owner.is_certainly_gone():
        return True
    if not holding_lock and not owner.was_before_this_boot():
        return False
    guarding = "SELECT 1 FROM v_deployment_lock WHERE deployment = ? AND expires_at > ?"
    return not database.rows(guarding, [row["id"], now_text()])


def close(database: StateDatabase, row: Mapping[str, Any], message: str = "") -> Deployment:
    """Record that an attempt was interrupted: at which step, and, when a lock was broken, by whom."""
    steps = deployment_of(row).steps
    open_step = steps[-1].name if steps and steps[-1].status == "running" else ""
    remembered = (decoded(row["error"]) or {}).get("message", "")
    said = message or remembered or _sentence(Owner.of(row).is_certainly_gone(), steps, open_step)
    ended = [_failed(step) if step.status == "running" else step for step in steps]
    error = error_of(said) | ({"step": open_step} if open_step else {})
    database.write(statements.CLOSE, [now_text(), encoded(error), encoded(ended), row["id"]])
    database.write(statements.FOLLOW_LAST_ATTEMPT, [row["id"]])
    return deployment_of(database.rows("SELECT * FROM v_deployment WHERE id = ?", [row["id"]])[0])


def error_of(message: str) -> dict[str, Any]:
    """Return the error document of an interrupted deployment."""
    error = InterruptedByUserError
    return {"kind": error.kind, "code": error.exit_code, "message": message, "problems": []}


def _sentence(gone: bool, steps: Sequence[Step], open_step: str) -> str:
    what = "killed" if gone else "stopped answering"
    if open_step:
        return f"{what} during step {open_step}"
    return f"{what} after step {steps[-1].name}" if steps else f"{what} before its first step"


def _failed(step: Step) -> Step:
    return msgspec.structs.replace(step, status="failed")
