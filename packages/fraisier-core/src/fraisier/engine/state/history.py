"""What was deployed: a row for every attempt, and for every fraise what its last attempts came to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from fraisier.contract.errors import InternalError
from fraisier.contract.models import Deployment, DeploymentStatus, Step
from fraisier.engine.state import statements
from fraisier.engine.state.database import StateDatabase, now_text, time_text
from fraisier.engine.state.interrupted import close, is_over, running_rows
from fraisier.engine.state.lease import Fence
from fraisier.engine.state.owner import Owner
from fraisier.engine.state.records import FraiseState, Success, deployment_of, encoded, state_of, success_of


class History:
    """Reads and writes the history.

    Args:
        database: where it is kept.
        fence: of the lock under which to write; every write then happens only while that lock is held.
    """

    def __init__(self, database: StateDatabase, fence: Fence | None = None) -> None:
        self._database = database
        self._fence = fence

    def begin(
        self,
        *,
        deployment_id: str,
        kind: Literal["deploy", "rollback"],
        fraise: str,
        environment: str,
        type: str | None,  # noqa: A002 - the word of `fraises.yaml`
        provider: str,
        version: str | None,
        user: str,
        configuration: Mapping[str, Any],
        fallback: bool = False,
    ) -> Deployment:
        """Record a new attempt as running, with the configuration it runs with (redacted by the caller)."""
        target, now, owner = f"{fraise}:{environment}", now_text(), Owner.this()
        with self._writing():
            state = [_new_id(), target, fraise, environment, type, provider]
            self._database.write(statements.BEGIN_STATE, state)
            config = [
                _new_id(),
                f"{target}:{provider}",
                provider,
                provider,
                encoded(configuration),
                now,
                now,
                target,
            ]
            self._database.write(statements.BEGIN_CONFIG, config)
            number = self._database.rows(statements.NEXT_NUMBER, [target])[0]["number"]
            values = [deployment_id, f"{target}:{number}", fraise, environment, number, kind, provider, fallback]
            values += [
                version,
                now,
                user,
                owner.host,
                owner.host_identity,
                owner.pid,
                owner.process_started,
                target,
            ]
            self._database.write(statements.BEGIN_DEPLOYMENT, values)
            return self._known(deployment_id)

    def note_previous(self, deployment_id: str, version: str | None, revision: str | None) -> None:
        """Record the release that was in service before."""
        self._note(statements.NOTE_PREVIOUS, [version, revision, deployment_id])

    def note_steps(self, deployment_id: str, steps: Sequence[Step]) -> None:
        """Record the steps so far, the open one among them."""
        self._note(statements.NOTE_STEPS, [encoded(list(steps)), deployment_id])

    def note_deployed(
        self, deployment_id: str, version: str | None, revision: str | None, details: Mapping[str, Any]
    ) -> None:
        """Record what the provider has put in service, and what it needs to come back to it."""
        self._note(statements.NOTE_DEPLOYED, [version, revision, encoded(details), deployment_id])

    def note_gone_back(self, deployment_id: str) -> None:
        """Record that the release in service before is so again, which the state tells from now on."""
        with self._writing():
            self._database.write(statements.FOLLOW_GONE_BACK, [deployment_id] * 3)

    def finish(
        self,
        deployment_id: str,
        *,
        status: DeploymentStatus,
        version: str | None = None,
        revision: str | None = None,
        details: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        steps: Sequence[Step] | None = None,
    ) -> Deployment:
        """Record how an attempt ended; None keeps what was noted before, and the first end recorded stays."""
        columns = [encoded(details), encoded(error), encoded(None if steps is None else list(steps))]
        with self._writing():
            running = self._known(deployment_id)
            if running.status != "running":
                return running
            now = datetime.now(UTC)
            seconds = max(0.0, round((now - running.started_at).total_seconds(), 6))
            self._database.write(
                statements.FINISH, [status, version, revision, *columns, time_text(now), seconds, deployment_id]
            )
            self._database.write(statements.FOLLOW_LAST_ATTEMPT, [deployment_id])
            if status == "success":
                self._database.write(statements.FOLLOW_SUCCESS, [deployment_id, deployment_id])
            if status == "unchanged":
                self._database.write(statements.FOLLOW_UNCHANGED, [deployment_id, deployment_id])
            return self._known(deployment_id)

    def close_interrupted(
        self,
        fraise: str | None = None,
        environment: str | None = None,
        *,
        holding_lock: bool = False,
        except_id: str | None = None,
    ) -> list[Deployment]:
        """End the running rows of processes that are gone, and return them.

        With `holding_lock`, the caller holds the lock of this target, so that nobody else can be at work on it:
        then rows of other hosts, and of processes that lost their lock, are ended as well.
        """
        if not running_rows(self._database, fraise, environment, except_id):
            return []
        with self._writing():
            running = running_rows(self._database, fraise, environment, except_id)
            over = [row for row in running if is_over(self._database, row, holding_lock)]
            return [close(self._database, row) for row in over]

    def get(self, deployment_id: str) -> Deployment | None:
        """Return one attempt by its public id."""
        found = self._database.rows("SELECT * FROM v_deployment WHERE id = ?", [deployment_id])
        return deployment_of(found[0]) if found else None

    def recent(
        self,
        *,
        fraise: str | None = None,
        environment: str | None = None,
        limit: int = 20,
        since: datetime | None = None,
    ) -> list[Deployment]:
        """Return the last attempts, newest first."""
        sql, params = statements.recent(fraise, environment, limit, "" if since is None else time_text(since))
        return [deployment_of(row) for row in self._database.rows(sql, params)]

    def successes(
        self,
        fraise: str,
        environment: str,
        provider: str | None = None,
        *,
        fallback: bool | None = None,
        limit: int = 50,
    ) -> list[Success]:
        """Return the deployments and rollbacks that ended in success, newest first."""
        found = self._database.rows(statements.SUCCESSES, [fraise, environment, provider, fallback, limit])
        return [success_of(row) for row in found]

    def outcome_of(
        self, fraise: str, environment: str, revision: str
    ) -> Literal["success", "not_success", "unknown"]:
        """Tell whether any attempt of a revision ended well, or none of them did, or there were none."""
        found = self._database.rows(statements.OUTCOMES, [fraise, environment, revision])
        if not found:
            return "unknown"
        return "success" if {"success", "unchanged"} & {row["status"] for row in found} else "not_success"

    def fraise_states(self) -> dict[tuple[str, str], FraiseState]:
        """Return what is known of every fraise and environment."""
        states = [state_of(row) for row in self._database.rows("SELECT * FROM v_fraise_state ORDER BY identifier")]
        return {(state.fraise, state.environment): state for state in states}

    def fraise_state(self, fraise: str, environment: str) -> FraiseState | None:
        """Return what is known of one fraise in one environment."""
        found = self._database.rows(
            "SELECT * FROM v_fraise_state WHERE identifier = ?", [f"{fraise}:{environment}"]
        )
        return state_of(found[0]) if found else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction in which the lock is still held for sure."""
        with self._database.transaction():
            if self._fence is not None:
                self._fence.require(self._database)
            yield

    def _note(self, sql: str, params: Sequence[Any]) -> None:
        with self._writing():
            if self._database.write(sql, params) != 1:
                raise InternalError(f"no deployment {params[-1]} in the history {self._database.path}")

    def _known(self, deployment_id: str) -> Deployment:
        found = self.get(deployment_id)
        if found is None:
            raise InternalError(f"no deployment {deployment_id} in the history {self._database.path}")
        return found


def _new_id() -> str:
    return str(uuid.uuid4())
