"""The documents of commands that change something, and of failures: exactly these fields, nothing else."""

from __future__ import annotations

import json
import os
import socket
import uuid
from datetime import UTC, datetime

import pytest

from .conftest import Cli

DEPLOYMENT = [
    "id",
    "identifier",
    "kind",
    "fraise",
    "environment",
    "provider",
    "status",
    "version",
    "revision",
    "previous_version",
    "previous_revision",
    "started_at",
    "finished_at",
    "duration_seconds",
    "user",
    "error",
    "steps",
    "details",
]
LOCK = [
    "fraise",
    "environment",
    "holder",
    "host",
    "pid",
    "locked_at",
    "expires_at",
    "deployment",
    "reason",
    "provider",
]


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    assert found.tzinfo == UTC
    return found


def test_a_deployment_is_told_from_its_id_to_its_steps(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    told = cli.json("deploy", "my_api", "production", "--version", "v2")
    assert list(told) == DEPLOYMENT
    assert str(uuid.UUID(told["id"])) == told["id"]
    assert moment(told["started_at"]) <= moment(told["finished_at"])
    assert told["duration_seconds"] >= 0
    assert told["user"].endswith(f"@{socket.gethostname()}")
    assert [list(step) for step in told["steps"]] == [["name", "seconds", "status"]] * 3
    assert [(step["name"], step["status"]) for step in told["steps"]] == [
        ("pre-flight", "success"),
        ("install", "success"),
        ("health", "success"),
    ]
    told = {key: value for key, value in told.items() if key in DEPLOYMENT[1:11] or key in ("error", "details")}
    assert told == {
        "identifier": "my_api:production:2",
        "kind": "deploy",
        "fraise": "my_api",
        "environment": "production",
        "provider": "files",
        "status": "success",
        "version": "v2",
        "revision": "r-v2",
        "previous_version": "v1",
        "previous_revision": "r-v1",
        "error": None,
        "details": {"of": "v2"},
    }


def test_a_version_in_service_already_is_unchanged(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    told = cli.json("deploy", "my_api", "production", "--version", "v1")
    assert (told["status"], told["version"], told["error"]) == ("unchanged", "v1", None)
    assert cli.json("deploy", "my_api", "production", "--version", "v1", "--force")["status"] == "success"


def test_a_rollback_is_told_like_a_deployment(cli: Cli) -> None:
    for version in ("v1", "v2"):
        cli("deploy", "my_api", "production", "--version", version)
    told = cli.json("rollback", "my_api", "production")
    assert list(told) == DEPLOYMENT
    assert (told["kind"], told["status"]) == ("rollback", "success")
    assert (told["version"], told["previous_version"]) == ("v1", "v2")


def test_history_holds_every_attempt_newest_first(cli: Cli) -> None:
    done = [cli.json("deploy", "my_api", "production", "--version", version) for version in ("v1", "v2")]
    done.append(cli.json("rollback", "my_api", "production"))
    done.append(cli.json("deploy", "my_api", "production", "--version", "broken", code=8))
    told = cli.json("history")
    assert told == done[::-1]
    assert [each["kind"] for each in told] == ["deploy", "rollback", "deploy", "deploy"]


@pytest.mark.parametrize(
    ("version", "code", "kind", "status"),
    [
        ("missing", 6, "deployment_failed", "failed"),
        ("broken", 8, "rolled_back", "rolled_back"),
        ("stuck", 9, "rollback_failed", "failed"),
        ("buggy", 10, "provider", "failed"),
        ("slow", 130, "interrupted", "interrupted"),
    ],
)
def test_a_failed_deployment_is_told_with_its_error(
    cli: Cli, version: str, code: int, kind: str, status: str
) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    told = cli.json("deploy", "my_api", "production", "--version", version, code=code)
    assert list(told) == DEPLOYMENT
    assert told["status"] == status
    error = told["error"]
    assert (error["kind"], error["code"], error["problems"]) == (kind, code, [])
    assert error.keys() <= {"kind", "code", "message", "problems", "step", "command", "hint", "log"}
    assert error["message"]


def test_an_error_of_a_target_keeps_the_command_and_its_log(cli: Cli) -> None:
    error = cli.json("deploy", "my_api", "production", "--version", "missing", code=6)["error"]
    assert error["command"] == "fetch missing"
    assert error["log"] == ["asked", "got nothing"]


def test_a_failed_pre_flight_lists_its_findings(cli: Cli) -> None:
    cli.configure("fraises: {a: {providers: {b: {provider: files, config: {path: there, ready: false}}}}}")
    error = cli.json("deploy", "a", "b", code=5)["error"]
    assert (error["kind"], error["code"]) == ("pre_flight", 5)
    assert error["problems"] == ["ready: ready is False; set ready to true"]


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    told = cli.json("deploy", "my_api", "production", "--version", "v2", "--dry-run")
    assert [check.pop("name") for check in told.pop("checks")] == ["ready", "spare"]
    assert told == {
        "dry_run": True,
        "fraise": "my_api",
        "environment": "production",
        "provider": "files",
        "version": "v2",
        "current_version": "v1",
        "current_revision": "r-v1",
    }
    assert [each["version"] for each in cli.json("history")] == ["v1"]
    assert cli.json("status", "my_api", "production")[0]["version"] == "v1"


def test_a_lock_set_by_hand_is_told_without_a_process_and_an_end(cli: Cli) -> None:
    assert cli.json("lock", "list") == []
    told = cli.json("lock", "acquire", "my_api", "production", "-m", "moving house")
    assert list(told) == LOCK
    assert moment(told.pop("locked_at")) <= datetime.now(UTC)
    assert told.pop("holder").endswith(f"@{socket.gethostname()}")
    assert told == {
        "fraise": "my_api",
        "environment": "production",
        "host": os.uname().nodename,
        "pid": None,
        "expires_at": None,
        "deployment": None,
        "reason": "moving house",
        "provider": "files",
    }
    (listed,) = cli.json("lock", "list")
    assert cli.json("lock", "break", "my_api", "production") == [listed]
    assert cli.json("lock", "break", "my_api", "production") == []


def test_a_good_file_is_valid(cli: Cli) -> None:
    assert cli.json("validate") == {"valid": True, "path": str(cli.folder / "fraises.yaml"), "targets": 3}


def test_a_written_starter_is_told(cli: Cli) -> None:
    told = cli.json("init", "--provider", "files", "-c", "new.yaml")
    assert told == {"path": str(cli.folder / "new.yaml"), "provider": "files"}


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["list", "-c", "nowhere.yaml"], 3, "configuration"),
        (["deploy", "my_api"], 2, "usage"),
        (["deploy", "nobody", "production"], 2, "usage"),
        (["nonsense"], 2, "usage"),
        (["provider-info", "nobody"], 10, "provider"),
        (["rollback", "my_api", "production"], 9, "rollback_failed"),
    ],
)
def test_any_failure_is_a_document_on_stdout_and_a_line_on_stderr(
    cli: Cli, arguments: list[str], code: int, kind: str
) -> None:
    said = cli(*arguments, "--json", code=code)
    error = json.loads(said.out)["error"]
    assert (error["kind"], error["code"]) == (kind, code)
    assert list(error)[:4] == ["kind", "code", "message", "problems"]
    assert said.err.splitlines()[-1].startswith(f"fraisier: {error['message']}")
