"""What looks at the history tells of a killed deployment that it was interrupted, and never so of a live one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from typing import Any

import pytest
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock
from fraisier.engine.state.owner import Owner

from .conftest import Cli

Begin = Callable[..., None]

LOOKING: list[Callable[[Cli], str]] = [
    lambda cli: str(cli.json("history")[0]["status"]),
    lambda cli: str(cli.json("list")[0]["status"]),
    lambda cli: (cli("status", "my_api", "production"), str(cli.json("list")[0]["status"]))[1],
]


@pytest.fixture
def begin(cli: Cli) -> Begin:
    """Write a running deployment of my_api in production, run by this process but for what is given."""

    def one(**columns: Any) -> None:
        with closing(StateDatabase.open(cli.folder / ".fraisier" / "fraisier.db")) as database:
            History(database).begin(
                deployment_id="id-1",
                kind="deploy",
                fraise="my_api",
                environment="production",
                type="api",
                provider="files",
                version="v1",
                user="alice@laptop",
                configuration={},
            )
            for column, value in columns.items():
                database.write(f"UPDATE tb_deployment SET {column} = ?", [value])

    return one


def lock(cli: Cli) -> AbstractContextManager[object]:
    path = cli.folder / ".fraisier" / "fraisier.db"
    return DeploymentLock("my_api:production", "files", database=path, holder="alice@laptop", deployment="id-1")


@pytest.fixture
def earlier_boot() -> str:
    """The identity of this host before it was booted."""
    parts = (Owner.this().host_identity or "").split(" ")
    if len(parts) != 3:
        pytest.skip("this system does not tell its boots apart")
    return f"{parts[0]} 00000000-0000-0000-0000-000000000000 {parts[2]}"


@pytest.mark.parametrize("look", LOOKING, ids=["history", "list", "status"])
def test_after_a_kill(cli: Cli, begin: Begin, look: Callable[[Cli], str]) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    begin(pid=ended.pid)
    assert look(cli) == "interrupted"


@pytest.mark.parametrize("look", LOOKING, ids=["history", "list", "status"])
def test_after_a_reboot(cli: Cli, begin: Begin, earlier_boot: str, look: Callable[[Cli], str]) -> None:
    begin(host_identity=earlier_boot)
    assert look(cli) == "interrupted"


@pytest.mark.parametrize("look", LOOKING, ids=["history", "list", "status"])
def test_not_while_it_runs(cli: Cli, begin: Begin, look: Callable[[Cli], str]) -> None:
    begin()
    assert look(cli) == "running"


def test_not_while_another_host_of_the_same_name_renews_its_lock(
    cli: Cli, begin: Begin, earlier_boot: str
) -> None:
    begin(host_identity=earlier_boot)
    with lock(cli):
        assert cli.json("history")[0]["status"] == "running"
    assert cli.json("history")[0]["status"] == "interrupted"


def test_not_of_another_host(cli: Cli, begin: Begin, earlier_boot: str) -> None:
    begin(host="elsewhere", host_identity=earlier_boot)
    assert cli.json("history")[0]["status"] == "running"


def test_the_next_deployment_reports_it_and_goes_on(cli: Cli, begin: Begin, earlier_boot: str) -> None:
    begin(host_identity=earlier_boot)
    said = cli("deploy", "my_api", "production", "--version", "v1")
    assert "fraisier: warning: the deploy of v1 begun " in said.err
    assert " by alice@laptop was interrupted: stopped answering before its first step\n" in said.err
    assert [each["status"] for each in cli.json("history")] == ["success", "interrupted"]
