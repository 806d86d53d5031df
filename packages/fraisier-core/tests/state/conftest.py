from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fraisier import Deployment
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock

ACTOR = Path(__file__).with_name("actor.py")
"""A program that does one thing with locks and history, for tests that need real processes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".fraisier" / "fraisier.db"


@pytest.fixture
def database(path: Path) -> Iterator[StateDatabase]:
    with StateDatabase.open(path) as opened:
        yield opened


@pytest.fixture
def history(database: StateDatabase) -> History:
    return History(database)


Begin = Callable[..., Deployment]
Lock = Callable[..., DeploymentLock]


@pytest.fixture
def begin(history: History) -> Begin:
    """Begin a deployment of my_api in production, or what the arguments say instead."""
    count = 0

    def begin_one(**changed: Any) -> Deployment:
        nonlocal count
        count += 1
        usual = {
            "deployment_id": f"id-{count}",
            "kind": "deploy",
            "fraise": "my_api",
            "environment": "production",
            "type": "api",
            "provider": "local",
            "version": "v1",
            "user": "alice@laptop",
            "configuration": {"branch": "main", "token": "***"},
        }
        return history.begin(**(usual | changed))

    return begin_one


@pytest.fixture
def lock(path: Path) -> Lock:
    """Give alice's lock of my_api in production, not held yet, or what the arguments say instead."""

    def one(provider: str = "local", holder: str = "alice@laptop", **more: Any) -> DeploymentLock:
        return DeploymentLock("my_api:production", provider, database=path, holder=holder, **more)

    return one


Act = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def act() -> Iterator[Act]:
    """Start actors, and end those that still run after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        line = [sys.executable, str(ACTOR), *map(str, arguments)]
        started.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
