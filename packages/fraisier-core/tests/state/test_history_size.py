"""The history over 100,000 rows: every query goes through an index, and stays fast."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fraisier.engine.state import statements
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History

ROWS = 100_000
FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO tb_deployment (id, identifier, fk_fraise_state, fraise, environment, number, kind, provider, status,
    version, revision, started_at, user, host, host_identity, pid)
SELECT 'id-' || i, 'many-' || i, pk_fraise_state, fraise, environment, i, 'deploy', 'local',
    CASE WHEN i % 3 = 0 THEN 'failed' ELSE 'success' END, 'v' || i, 'r' || i,
    strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + i * 60, 'unixepoch'), 'alice@laptop', 'laptop', 'laptop', 1
FROM n JOIN tb_fraise_state ON pk_fraise_state = 1 + i % 10
"""
FILTERS = list(itertools.product([None, "fraise-1"], [None, "env-1"], ["", "2023-12-01T00:00:00.000000Z"]))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateDatabase]:
    path: Path = tmp_path_factory.mktemp("large") / "fraisier.db"
    with StateDatabase.open(path) as database:
        with database.transaction():
            for i in range(10):
                database.write(
                    "INSERT INTO tb_fraise_state (id, identifier, fraise, environment, provider, status)"
                    " VALUES (?, ?, ?, ?, 'local', 'success')",
                    [f"s-{i}", f"fraise-{i % 5}:env-{i % 2}", f"fraise-{i % 5}", f"env-{i % 2}"],
                )
            database.write(FILL, [ROWS])
        yield database


def plan(database: StateDatabase, sql: str, params: list[Any]) -> list[str]:
    return [row["detail"] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}", params)]


QUERIES: list[tuple[str, list[Any]]] = [
    *(statements.recent(fraise, environment, 20, since) for fraise, environment, since in FILTERS),
    (statements.SUCCESSES, ["fraise-1", "env-1", None, None, 50]),
    (statements.SUCCESSES, ["fraise-1", "env-1", "local", False, 50]),
    (statements.OUTCOMES, ["fraise-1", "env-1", "r1"]),
    (statements.RUNNING, [None, None, ""]),
    (statements.RUNNING, ["fraise-1", "env-1", ""]),
    (statements.NEXT_NUMBER, ["fraise-1:env-1"]),
    ("SELECT * FROM v_deployment WHERE id = ?", ["id-1"]),
    ("SELECT * FROM v_fraise_state WHERE identifier = ?", ["fraise-1:env-1"]),
]
WRITES: list[tuple[str, list[Any]]] = [
    (statements.NOTE_STEPS, ["[]", "id-1"]),
    (statements.FINISH, ["success", None, None, None, None, None, "", 1.0, "id-1"]),
    (statements.FOLLOW_LAST_ATTEMPT, ["id-1"]),
    (statements.FOLLOW_SUCCESS, ["id-1", "id-1"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sql", "params"), [*QUERIES, *WRITES])
def test_no_query_scans_or_sorts_the_deployments(large: StateDatabase, sql: str, params: list[Any]) -> None:
    steps = plan(large, sql, params)
    # The running ones have an index of their own, which is as small as they are few.
    scans = [step for step in steps if step.startswith("SCAN") and "ix_deployment_running" not in step]
    assert scans == []
    assert [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step] == []


@pytest.mark.slow
@pytest.mark.parametrize(("fraise", "environment", "since"), FILTERS)
def test_every_filter_is_part_of_the_search(
    large: StateDatabase, fraise: str | None, environment: str | None, since: str
) -> None:
    (step,) = plan(large, *statements.recent(fraise, environment, 20, since))
    columns = [name for name, value in (("fraise=?", fraise), ("environment=?", environment)) if value]
    assert step.endswith(f"({' AND '.join([*columns, 'started_at>?'])})")


@pytest.mark.slow
def test_the_plan_of_a_query_without_an_index_is_caught(large: StateDatabase) -> None:
    steps = plan(large, "SELECT * FROM v_deployment WHERE user = ? ORDER BY version", ["alice@laptop"])
    assert steps == ["SCAN tb_deployment", "USE TEMP B-TREE FOR ORDER BY"]


@pytest.mark.slow
def test_the_history_over_many_rows_is_read_in_milliseconds(large: StateDatabase) -> None:
    history = History(large)
    since = datetime(2023, 12, 1, tzinfo=UTC)
    started = time.perf_counter()
    for fraise, environment, late in FILTERS:
        found = history.recent(fraise=fraise, environment=environment, since=since if late else None)
        assert len(found) == 20
        assert [each.started_at for each in found] == sorted((each.started_at for each in found), reverse=True)
    assert len(history.successes("fraise-1", "env-1")) == 50
    assert history.close_interrupted() == []
    # Some 10 ms here; without indexes it is more than a second.
    assert time.perf_counter() - started < 0.5
