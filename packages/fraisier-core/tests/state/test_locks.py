from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fraisier import Deployment, DeploymentLockedError, LeaseLostError
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.locks import DeploymentLock, break_lock, freeze, list_locks
from fraisier.engine.state.owner import Owner

Begin = Callable[..., Deployment]
Lock = Callable[..., DeploymentLock]


def rows(database: StateDatabase) -> list[dict[str, Any]]:
    return database.rows("SELECT * FROM v_deployment_lock ORDER BY identifier")


def test_a_second_one_is_told_who_holds_the_lock_and_since_when(
    lock: Lock, database: StateDatabase, begin: Begin
) -> None:
    begin()
    this = Owner.this()
    with lock(deployment="id-1"), pytest.raises(DeploymentLockedError) as caught:
        lock(holder="bob@desk").__enter__()
    assert re.fullmatch(
        rf"my_api:production is locked by alice@laptop on {this.host} \(pid {this.pid}\) "
        r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d s ago\) for my_api:production:1; "
        r"wait with --wait-lock 15m, or: fraisier lock break my_api production",
        str(caught.value),
    )
    assert rows(database) == []


@pytest.mark.parametrize(
    ("age", "said"),
    [(5, "5 s ago"), (119, "119 s ago"), (600, "10 min ago"), (3 * 3600, "3 h ago"), (3 * 86400, "3 days ago")],
)
def test_the_age_of_a_lock_is_told_in_the_unit_that_fits(
    lock: Lock, database: StateDatabase, age: int, said: str
) -> None:
    frozen = freeze(database, "my_api", "production", "local", "alice@laptop", "")
    since = (frozen.locked_at - timedelta(seconds=age)).isoformat(timespec="microseconds")
    database.write("UPDATE tb_deployment_lock SET locked_at = ?", [since.replace("+00:00", "Z")])
    with pytest.raises(DeploymentLockedError, match=rf"\({said}\)"):
        lock().__enter__()


def test_locks_of_other_targets_and_providers_are_free(lock: Lock, path: Path) -> None:
    with (
        lock(),
        lock("compose"),
        DeploymentLock("my_api:staging", "local", database=path, holder="bob@desk"),
    ):
        pass


def test_the_lock_is_released_when_the_work_fails(lock: Lock, database: StateDatabase) -> None:
    with pytest.raises(ZeroDivisionError), lock():
        raise ZeroDivisionError
    assert rows(database) == []


def test_tokens_rise_across_releases(lock: Lock) -> None:
    tokens = []
    for provider in ("local", "local", "compose", "local"):
        with lock(provider) as held:
            tokens.append(held.fence.token)
    assert tokens == sorted(set(tokens))


def test_failing_to_get_the_lock_leaves_nothing_behind(lock: Lock, database: StateDatabase) -> None:
    with lock():
        before = rows(database)
        refused = lock(holder="bob@desk", wait_seconds=0.1)
        with pytest.raises(DeploymentLockedError):
            refused.__enter__()
        assert rows(database) == before


@pytest.mark.parametrize("moment", ["Heartbeat", "Fence"])
def test_ctrl_c_just_after_the_lock_was_taken_gives_it_back(
    lock: Lock, database: StateDatabase, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        assert len(rows(database)) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(f"fraisier.engine.state.locks.{moment}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lock().__enter__()
    assert rows(database) == []


def test_waiting_tells_once_what_for_and_gets_the_lock_when_it_is_free(lock: Lock) -> None:
    first = lock()
    first.__enter__()
    told: list[str] = []

    def release_soon(error: DeploymentLockedError) -> None:
        told.append(error.message)
        first.__exit__(None, None, None)

    started = time.monotonic()
    with lock(holder="bob@desk", wait_seconds=30, on_wait=release_soon):
        assert time.monotonic() - started < 1
    assert len(told) == 1
    assert "locked by alice@laptop" in told[0]


def test_waiting_ends_when_its_time_is_over(lock: Lock) -> None:
    told: list[DeploymentLockedError] = []
    started = time.monotonic()
    with lock(), pytest.raises(DeploymentLockedError):
        lock(holder="bob@desk", wait_seconds=0.4, on_wait=told.append).__enter__()
    assert 0.4 <= time.monotonic() - started < 1
    assert len(told) == 1


def test_the_heartbeat_keeps_a_lease_alive_past_its_length(lock: Lock) -> None:
    with lock(lease_seconds=0.3) as held:
        time.sleep(0.8)
        with pytest.raises(DeploymentLockedError):
            lock(holder="bob@desk").__enter__()
        held.check()
        assert not held.lost


def test_a_lease_that_ran_out_elsewhere_is_taken_over(lock: Lock, database: StateDatabase) -> None:
    with lock(lease_seconds=30) as held:
        database.write("UPDATE tb_deployment_lock SET host_identity = 'elsewhere', expires_at = '2020'")
        with lock(holder="bob@desk"):
            with pytest.raises(LeaseLostError) as caught:
                held.check()
            assert len(rows(database)) == 1
        assert rows(database) == []
    assert re.fullmatch(
        r"this process lost its lock on my_api:production: it expired while this process slept, "
        r"now locked by bob@desk on \S+ \(pid \d+\) since \S+ \(\d s ago\); "
        r"nothing more was written; look with: fraisier status my_api production",
        str(caught.value),
    )


def test_a_lease_that_runs_elsewhere_is_respected_whatever_its_pid(lock: Lock, database: StateDatabase) -> None:
    with lock():
        database.write("UPDATE tb_deployment_lock SET host_identity = 'elsewhere', pid = 999999999")
        with pytest.raises(DeploymentLockedError):
            lock(holder="bob@desk").__enter__()


def test_a_pid_that_another_process_got_does_not_hold_the_lock(lock: Lock, database: StateDatabase) -> None:
    with lock():
        database.write("UPDATE tb_deployment_lock SET process_started = 'an earlier start'")
        assert list_locks(database) == []
        with lock(holder="bob@desk") as second:
            second.check()


def test_leaving_releases_only_the_own_lock(lock: Lock, database: StateDatabase) -> None:
    first = lock()
    first.__enter__()
    break_lock(database, "my_api", "production", "carol@desk")
    with lock(holder="bob@desk") as second:
        first.__exit__(None, None, None)
        second.check()


def test_the_heartbeat_notices_that_the_lock_is_gone(lock: Lock, database: StateDatabase) -> None:
    with lock(lease_seconds=0.15) as held:
        break_lock(database, "my_api", "production", "carol@desk")
        time.sleep(0.3)
        assert held.lost


def test_a_lock_that_cannot_be_released_does_not_hide_how_the_work_ended(
    lock: Lock, database: StateDatabase
) -> None:
    with lock() as held:
        assert held._database is not None
        held._database._connection.execute("PRAGMA query_only = on")
    assert len(rows(database)) == 1


def test_a_lock_is_not_asked_for_its_fence_outside_of_its_block(lock: Lock) -> None:
    with lock() as held:
        pass
    with pytest.raises(RuntimeError, match="not held"):
        _ = held.fence
    with pytest.raises(RuntimeError, match="not held"):
        held.check()
