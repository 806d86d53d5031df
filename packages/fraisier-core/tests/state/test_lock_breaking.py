"""Locks that are listed, set by hand and broken, and what becomes of the work under a broken one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from fraisier import Deployment, DeploymentLockedError, LeaseLostError
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock, break_lock, freeze, list_locks
from fraisier.engine.state.owner import Owner

Begin = Callable[..., Deployment]
Lock = Callable[..., DeploymentLock]


@pytest.mark.parametrize("act", ["begin", "note_previous", "note_steps", "note_deployed", "finish"])
def test_no_write_of_the_history_gets_past_a_lost_lock(
    lock: Lock, database: StateDatabase, begin: Begin, act: str
) -> None:
    begin()
    with lock(deployment="id-1") as held:
        fenced = History(database, held.fence)
        fenced.note_previous("id-1", "v0", "000")
        break_lock(database, "my_api", "production", "carol@desk")
        before = [database.rows(f"SELECT * FROM v_{name}") for name in ("deployment", "fraise_state")]
        with pytest.raises(LeaseLostError, match="lock broken by carol@desk, nobody holds it now; nothing more"):
            write(fenced, act)
        assert before == [database.rows(f"SELECT * FROM v_{name}") for name in ("deployment", "fraise_state")]


def write(history: History, act: str) -> None:
    match act:
        case "begin":
            history.begin(
                deployment_id="id-2",
                kind="deploy",
                fraise="my_api",
                environment="production",
                type="api",
                provider="local",
                version="v2",
                user="alice@laptop",
                configuration={},
            )
        case "note_previous":
            history.note_previous("id-1", "v1", "abc")
        case "note_steps":
            history.note_steps("id-1", [])
        case "note_deployed":
            history.note_deployed("id-1", "v2", "def", {})
        case "finish":
            history.finish("id-1", status="success")


def test_a_list_of_locks_has_the_documented_fields(lock: Lock, database: StateDatabase) -> None:
    with lock(deployment="id-1"):
        (held,) = list_locks(database)
    document = msgspec.to_builtins(held)
    assert document == {
        "fraise": "my_api",
        "environment": "production",
        "holder": "alice@laptop",
        "host": Owner.this().host,
        "pid": Owner.this().pid,
        "locked_at": document["locked_at"],
        "expires_at": document["expires_at"],
        "deployment": "id-1",
        "reason": None,
        "provider": "local",
    }
    assert held.expires_at is not None
    assert held.expires_at - held.locked_at == pytest.approx(timedelta(seconds=30), abs=timedelta(seconds=1))


def test_a_freeze_holds_until_it_is_broken(lock: Lock, database: StateDatabase) -> None:
    frozen = freeze(database, "my_api", "production", "local", "alice@laptop", "holidays")
    assert (frozen.pid, frozen.expires_at, frozen.reason) == (None, None, "holidays")
    database.write("UPDATE tb_deployment_lock SET locked_at = '2020-01-01T00:00:00.000000Z'")
    with pytest.raises(
        DeploymentLockedError, match=r"is frozen by alice@laptop .* days ago\): holidays; wait with"
    ):
        lock().__enter__()
    with pytest.raises(DeploymentLockedError, match="frozen by alice@laptop"):
        freeze(database, "my_api", "production", "local", "bob@desk", "mine")
    assert [each.reason for each in break_lock(database, "my_api", "production", "bob@desk")] == ["holidays"]
    assert list_locks(database) == []
    with lock():
        pass


def test_a_target_under_deployment_cannot_be_frozen(lock: Lock, database: StateDatabase) -> None:
    with lock(), pytest.raises(DeploymentLockedError, match="locked by alice@laptop"):
        freeze(database, "my_api", "production", "local", "bob@desk", "holidays")


def test_breaking_takes_the_locks_of_all_providers_of_one_target(database: StateDatabase) -> None:
    for environment, provider in (("production", "local"), ("production", "compose"), ("staging", "local")):
        freeze(database, "my_api", environment, provider, "alice@laptop", "holidays")
    broken = break_lock(database, "my_api", "production", "bob@desk")
    assert [each.provider for each in broken] == ["compose", "local"]
    assert [each.environment for each in list_locks(database)] == ["staging"]
    assert break_lock(database, "my_api", "production", "bob@desk") == []


def test_breaking_the_lock_of_a_dead_holder_ends_its_deployment(
    lock: Lock, database: StateDatabase, history: History, begin: Begin
) -> None:
    begin()
    database.write("UPDATE tb_deployment SET process_started = 'an earlier start'")
    with lock(deployment="id-1"):
        break_lock(database, "my_api", "production", "bob@desk")
    ended = history.get("id-1")
    assert ended is not None
    assert ended.status == "interrupted"
    assert (ended.error or {})["message"] == "lock broken by bob@desk"


def test_a_deployment_whose_lock_was_broken_alive_says_so_when_it_is_closed(
    lock: Lock, database: StateDatabase, history: History, begin: Begin
) -> None:
    begin()
    with lock(deployment="id-1"):
        break_lock(database, "my_api", "production", "bob@desk")
        running = history.get("id-1")
        assert running is not None
        assert running.status == "running"
        with lock(holder="bob@desk"):
            (closed,) = history.close_interrupted("my_api", "production", holding_lock=True)
    assert (closed.error or {})["message"] == "lock broken by bob@desk"
