from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fraisier import Deployment, LeaseLostError, Step
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock
from fraisier.engine.state.owner import Owner

Begin = Callable[..., Deployment]
Run = Callable[..., None]


@pytest.fixture
def gone() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def run_by(database: StateDatabase) -> Run:
    """Make another process, on this host or another one, the one that ran a deployment."""

    def change(deployment_id: str, **columns: Any) -> None:
        for column, value in columns.items():
            database.write(f"UPDATE tb_deployment SET {column} = ? WHERE id = ?", [value, deployment_id])

    return change


@pytest.mark.parametrize(
    ("steps", "message", "step"),
    [
        ([], "killed before its first step", None),
        ([("build", "running")], "killed during step build", "build"),
        ([("fetch", "success"), ("build", "running")], "killed during step build", "build"),
        ([("fetch", "success")], "killed after step fetch", None),
    ],
)
def test_a_killed_deployment_is_recorded_with_its_open_step(
    history: History,
    begin: Begin,
    run_by: Run,
    gone: int,
    steps: list[tuple[str, Any]],
    message: str,
    step: str | None,
) -> None:
    begin()
    history.note_steps("id-1", [Step(name=name, seconds=1.0, status=status) for name, status in steps])
    run_by("id-1", pid=gone)
    (closed,) = history.close_interrupted()
    assert closed == history.get("id-1")
    assert closed.status == "interrupted"
    assert closed.error == {"kind": "interrupted", "code": 130, "message": message, "problems": []} | (
        {"step": step} if step else {}
    )
    assert [each.status for each in closed.steps] == [
        "failed" if status == "running" else status for _, status in steps
    ]
    assert closed.finished_at is not None
    state = history.fraise_state("my_api", "production")
    assert state is not None
    assert state.status == "interrupted"
    assert history.close_interrupted() == []


def test_what_runs_or_has_ended_is_left_alone(history: History, begin: Begin, run_by: Run, gone: int) -> None:
    begin()
    begin()
    ended = history.finish("id-2", status="success", revision="abc")
    run_by("id-2", pid=gone)
    assert history.close_interrupted() == []
    assert history.get("id-2") == ended


def test_a_pid_that_another_process_got_does_not_keep_a_deployment_running(
    history: History, begin: Begin, run_by: Run
) -> None:
    begin()
    run_by("id-1", process_started="an earlier start")
    assert [each.id for each in history.close_interrupted()] == ["id-1"]


def test_only_the_target_asked_for_is_closed(history: History, begin: Begin, run_by: Run, gone: int) -> None:
    begin()
    begin(environment="staging")
    begin(fraise="worker")
    for each in ("id-1", "id-2", "id-3"):
        run_by(each, pid=gone)
    assert [each.id for each in history.close_interrupted("my_api", "staging")] == ["id-2"]
    assert [each.id for each in history.close_interrupted("my_api")] == ["id-1"]
    assert [each.id for each in history.close_interrupted(except_id="id-3")] == []
    assert [each.id for each in history.close_interrupted()] == ["id-3"]


def test_another_host_is_judged_only_by_who_holds_the_lock(history: History, begin: Begin, run_by: Run) -> None:
    begin()
    run_by("id-1", host="elsewhere", host_identity="elsewhere boot pid:[1]", pid=1)
    assert history.close_interrupted("my_api", "production") == []
    begin()
    (closed,) = history.close_interrupted("my_api", "production", holding_lock=True, except_id="id-2")
    assert (closed.id, (closed.error or {})["message"]) == ("id-1", "stopped answering before its first step")


def test_a_deployment_under_the_lock_of_another_provider_is_left_alone(
    history: History, begin: Begin, path: Path
) -> None:
    begin(provider="compose")
    name = "my_api:production"
    with (
        DeploymentLock(name, "compose", database=path, holder="bob@desk", deployment="id-1"),
        DeploymentLock(name, "local", database=path, holder="bob@desk", deployment="id-2"),
    ):
        assert history.close_interrupted("my_api", "production", holding_lock=True) == []
    assert len(history.close_interrupted("my_api", "production", holding_lock=True)) == 1


def test_closing_is_a_write_that_needs_the_lock_too(
    database: StateDatabase, begin: Begin, run_by: Run, gone: int, path: Path
) -> None:
    begin()
    run_by("id-1", pid=gone)
    with DeploymentLock("my_api:production", "local", database=path, holder="bob@desk") as lock:
        fence = lock.fence
    with pytest.raises(LeaseLostError):
        History(database, fence).close_interrupted()


def test_whether_a_process_is_gone_is_known_only_on_its_own_host(gone: int) -> None:
    this = Owner.this()
    assert not this.is_certainly_gone()

    def owner(**changed: Any) -> Owner:
        values = {"host": this.host, "host_identity": this.host_identity, "pid": this.pid}
        return Owner(**({"process_started": this.process_started} | values | changed))

    assert owner(pid=gone).is_certainly_gone()
    assert owner(process_started="boot:1").is_certainly_gone()
    assert not owner(pid=gone, host_identity="other boot pid:[1]").is_certainly_gone()
    assert not owner(pid=None).is_certainly_gone()
    assert not owner(process_started=None).is_certainly_gone()


def test_a_zombie_is_gone() -> None:
    zombie = subprocess.Popen(["true"])
    try:
        # Until it is waited for, what has ended stays as a zombie.
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        this = Owner.this()
        owner = Owner(host=this.host, host_identity=this.host_identity, pid=zombie.pid, process_started="x")
        assert owner.is_certainly_gone()
    finally:
        zombie.wait()


def test_a_process_that_cannot_be_looked_at_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    this = Owner.this()
    monkeypatch.setattr("fraisier.engine.state.owner.process_started", lambda _pid: None)
    assert not this.is_certainly_gone()
