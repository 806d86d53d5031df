"""How the history holds up over 100,000 deployments: each query in milliseconds, and against one of 100.

python bench/history.py [ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History

FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO tb_deployment (id, identifier, fk_fraise_state, fraise, environment, number, kind, provider, status,
    version, revision, started_at, user, host, host_identity, pid)
SELECT 'id-' || i, 'many-' || i, pk_fraise_state, fraise, environment, i, 'deploy', 'local',
    CASE WHEN i % 3 = 0 THEN 'failed' ELSE 'success' END, 'v' || i, 'r' || i,
    strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + i * 60, 'unixepoch'), 'alice@laptop', 'laptop', 'laptop', 1
FROM n JOIN tb_fraise_state ON pk_fraise_state = 1 + i % 10
"""
STATE = """
INSERT INTO tb_fraise_state (id, identifier, fraise, environment, provider, status)
VALUES (?, ?, ?, ?, 'local', 'success')
"""
SINCE = datetime(2023, 11, 14, 22, tzinfo=UTC)


def fill(database: StateDatabase, rows: int) -> None:
    """Write deployments of five fraises in two environments."""
    with database.transaction():
        for i in range(10):
            fraise, environment = f"fraise-{i % 5}", f"env-{i % 2}"
            database.write(STATE, [f"s-{i}", f"{fraise}:{environment}", fraise, environment])
        database.write(FILL, [rows])


def milliseconds(query: Callable[[], object]) -> float:
    """Return the fastest of 20 runs."""
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        query()
        best = min(best, time.perf_counter() - started)
    return best * 1000


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Return how long each query takes over so many rows."""
    with StateDatabase.open(folder / f"{rows}.db") as database:
        fill(database, rows)
        history = History(database)
        queries: dict[str, Callable[[], object]] = {
            "recent": history.recent,
            "recent, fraise": lambda: history.recent(fraise="fraise-1"),
            "recent, environment": lambda: history.recent(environment="env-1"),
            "recent, fraise and environment": lambda: history.recent(fraise="fraise-1", environment="env-1"),
            "recent, all filters": lambda: history.recent(fraise="fraise-1", environment="env-1", since=SINCE),
            "successes": lambda: history.successes("fraise-1", "env-1", limit=5),
            "outcome of a revision": lambda: history.outcome_of("fraise-1", "env-1", "r1"),
            "interrupted": history.close_interrupted,
            "states": history.fraise_states,
        }
        return {name: milliseconds(query) for name, query in queries.items()}


def main() -> None:
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        small, large = measure(100, Path(folder)), measure(rows, Path(folder))
    print(f"{'query':32} {'100 rows':>10} {f'{rows:,} rows':>14} {'ratio':>6}")
    for name, taken in large.items():
        print(f"{name:32} {small[name]:>7.3f} ms {taken:>11.3f} ms {taken / small[name]:>6.2f}")


if __name__ == "__main__":
    main()
