"""The SQL of the history, in one place, so that a test can hold every query to an index."""

from __future__ import annotations

from typing import Any, Final

BEGIN_STATE: Final = """
INSERT INTO tb_fraise_state (id, identifier, fraise, environment, type, provider, status)
VALUES (?, ?, ?, ?, ?, ?, 'running')
ON CONFLICT (identifier) DO UPDATE SET type = excluded.type, status = excluded.status
"""

BEGIN_CONFIG: Final = """
INSERT INTO tb_provider_config (id, identifier, provider_name, provider_type, configuration, created_at,
    updated_at, fk_fraise_state)
VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT pk_fraise_state FROM tb_fraise_state WHERE identifier = ?))
ON CONFLICT (identifier) DO UPDATE SET configuration = excluded.configuration, updated_at = excluded.updated_at
"""

NEXT_NUMBER: Final = """
SELECT coalesce(max(number), 0) + 1 AS number FROM tb_deployment
WHERE fk_fraise_state = (SELECT pk_fraise_state FROM tb_fraise_state WHERE identifier = ?)
"""

BEGIN_DEPLOYMENT: Final = """
INSERT INTO tb_deployment (id, identifier, fraise, environment, number, kind, provider, fallback, status,
    version, started_at, user, host, host_identity, pid, process_started, fk_fraise_state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?,
    (SELECT pk_fraise_state FROM tb_fraise_state WHERE identifier = ?))
"""

NOTE_PREVIOUS: Final = "UPDATE tb_deployment SET previous_version = ?, previous_revision = ? WHERE id = ?"
NOTE_STEPS: Final = "UPDATE tb_deployment SET steps = ? WHERE id = ?"
NOTE_DEPLOYED: Final = "UPDATE tb_deployment SET version = ?, revision = ?, details = ? WHERE id = ?"

FINISH: Final = """
UPDATE tb_deployment
SET status = ?, version = coalesce(?, version), revision = coalesce(?, revision), details = coalesce(?, details),
    error = ?, steps = coalesce(?, steps), finished_at = ?, duration_seconds = ?
WHERE id = ?
"""

FOLLOW_LAST_ATTEMPT: Final = """
UPDATE tb_fraise_state
SET status = (
    SELECT status FROM tb_deployment WHERE fk_fraise_state = pk_fraise_state ORDER BY number DESC LIMIT 1)
WHERE pk_fraise_state = (SELECT fk_fraise_state FROM tb_deployment WHERE id = ?)
"""
"""An older attempt that ends late changes nothing: the state tells of the newest one."""

FOLLOW_SUCCESS: Final = """
UPDATE tb_fraise_state
SET (version, revision, provider, fallback, deployed_at, fk_deployment) =
    (SELECT version, revision, provider, fallback, finished_at, pk_deployment FROM tb_deployment WHERE id = ?)
WHERE pk_fraise_state = (SELECT fk_fraise_state FROM tb_deployment WHERE id = ?)
"""

FOLLOW_UNCHANGED: Final = """
UPDATE tb_fraise_state
SET (version, revision, provider, fallback) =
    (SELECT version, revision, provider, fallback FROM tb_deployment WHERE id = ?)
WHERE pk_fraise_state = (SELECT fk_fraise_state FROM tb_deployment WHERE id = ?)
"""

FOLLOW_GONE_BACK: Final = """
UPDATE tb_fraise_state
SET (version, revision, provider, fallback) =
    (SELECT previous_version, previous_revision, provider, fallback FROM tb_deployment WHERE id = ?)
WHERE pk_fraise_state = (SELECT fk_fraise_state FROM tb_deployment WHERE id = ?)
    AND (version IS NULL
        OR (provider, fallback) = (SELECT provider, fallback FROM tb_deployment WHERE id = ?))
"""
"""A fallback that was rolled back does not hide that the last success went to another target."""

RUNNING: Final = """
SELECT * FROM v_deployment
WHERE status = 'running' AND coalesce(?, fraise) = fraise AND coalesce(?, environment) = environment AND id <> ?
ORDER BY started_at
"""

CLOSE: Final = """
UPDATE tb_deployment SET status = 'interrupted', finished_at = ?, error = ?, steps = ?
WHERE id = ? AND status = 'running'
"""

REMEMBER_BROKEN: Final = "UPDATE tb_deployment SET error = ? WHERE id = ? AND status = 'running'"
"""What a process that still runs will read when it finds its lock gone."""

SUCCESSES: Final = """
SELECT * FROM v_deployment
WHERE fraise = ? AND environment = ? AND status = 'success' AND coalesce(?, provider) = provider
    AND coalesce(?, fallback) = fallback
ORDER BY number DESC LIMIT ?
"""

OUTCOMES: Final = """
SELECT DISTINCT status FROM v_deployment WHERE fraise = ? AND environment = ? AND revision = ?
"""


def recent(fraise: str | None, environment: str | None, limit: int, since: str) -> tuple[str, list[Any]]:
    """Return the query for the last attempts with its parameters; every filter has an index that also sorts."""
    where, params = "", list[Any]()
    for column, value in (("fraise", fraise), ("environment", environment)):
        if value is not None:
            where += f"{column} = ? AND "
            params.append(value)
    # Without a `since`, the empty text is before every time: SQLite then searches instead of scanning.
    sql = f"SELECT * FROM v_deployment WHERE {where}started_at >= ? ORDER BY started_at DESC LIMIT ?"  # noqa: S608
    return sql, [*params, since, limit]
