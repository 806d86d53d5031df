"""The documents of commands that look at targets, at the history and at what is installed."""

from __future__ import annotations

import pytest

from .conftest import Cli


def test_status_tells_of_every_target_or_of_those_asked_for(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    told = cli.json("status")
    assert [(each["fraise"], each["environment"], each["state"]) for each in told] == [
        ("my_api", "production", "running"),
        ("my_api", "staging", "stopped"),
        ("worker", "production", "stopped"),
    ]
    assert cli.json("status", "my_api") == told[:2]
    assert cli.json("status", "my_api", "production") == [
        {
            "fraise": "my_api",
            "environment": "production",
            "provider": "files",
            "state": "running",
            "version": "v1",
            "revision": "r-v1",
            "since": "2026-01-02T03:04:05Z",
            "details": {"note": ""},
        }
    ]


def test_a_target_that_cannot_be_asked_is_unknown_among_others_and_a_failure_alone(cli: Cli) -> None:
    cli.configure("fraises: {a: {providers: {b: {provider: files, config: {path: there, note: asleep}}}}}")
    (told,) = cli.json("status")
    assert told["state"] == "unknown"
    assert told["details"] == {"error": "nobody answers; wake it up"}
    assert cli.json("status", "a", "b", code=6)["error"]["kind"] == "target"


def test_status_tells_of_a_difference_from_the_history(cli: Cli) -> None:
    cli("deploy", "my_api", "production", "--version", "v1")
    (cli.folder / "there" / "my_api-production").write_text('{"version": "v2", "log": []}')
    (told,) = cli.json("status", "my_api", "production")
    assert told["version"] == "v2"
    assert told["details"]["drift"] == "the history says v1 (r-v1), the target tells v2 (r-v2)"


def test_list_tells_what_the_history_knows(cli: Cli) -> None:
    done = cli.json("deploy", "my_api", "production", "--version", "v1")
    cli("deploy", "my_api", "production", "--version", "broken", code=8)
    told = cli.json("list")
    assert told[0] == {
        "fraise": "my_api",
        "environment": "production",
        "provider": "files",
        "type": "api",
        "version": "v1",
        "status": "rolled_back",
        "deployed_at": done["finished_at"],
    }
    nothing = {"type": None, "version": None, "status": None, "deployed_at": None}
    assert told[2] == {"fraise": "worker", "environment": "production", "provider": "files", **nothing}


@pytest.mark.parametrize(("version", "code"), [("v1", 0), ("broken", 7)])
def test_health_tells_what_one_probe_found(cli: Cli, version: str, code: int) -> None:
    cli("deploy", "my_api", "production", "--version", version, "--no-rollback", code=code)
    assert cli.json("health", "my_api", "production", code=code) == {
        "fraise": "my_api",
        "environment": "production",
        "healthy": code == 0,
        "detail": f"{version} {'is down' if code else 'answers'}",
        "latency_seconds": 0.001,
    }


def test_logs_are_lines(cli: Cli) -> None:
    assert cli.json("logs", "my_api", "production") == {"lines": []}
    cli("deploy", "my_api", "production", "--version", "v1")
    assert cli.json("logs", "my_api", "production") == {"lines": ["serving v1"]}


@pytest.mark.usefixtures("alone")
def test_providers_are_told_from_metadata(cli: Cli) -> None:
    told = {"name": "files", "distribution": "acme-files", "version": "1.2.3"}
    assert cli.json("providers") == [told]
    assert cli.json("providers", "--check") == [{**told, "problem": ""}]


def test_a_provider_is_told_with_its_options_and_where_it_is_used(cli: Cli) -> None:
    told = cli.json("provider-info", "files")
    options = told.pop("options")
    assert told == {
        "name": "files",
        "distribution": "acme-files",
        "version": "1.2.3",
        "used_in": [
            {"fraise": "my_api", "environment": "production"},
            {"fraise": "my_api", "environment": "staging"},
            {"fraise": "worker", "environment": "production"},
        ],
    }
    assert options["required"] == ["path"]
    assert options["properties"]["path"]["description"] == "Where the service is kept."


def test_a_provider_is_told_where_there_is_no_file(cli: Cli) -> None:
    (cli.folder / "fraises.yaml").unlink()
    assert cli.json("provider-info", "files")["used_in"] == []


def test_a_provider_test_passes_when_what_is_required_does(cli: Cli) -> None:
    told = cli.json("provider-test", "my_api", "production")
    assert told == {
        "passed": True,
        "checks": [
            {"name": "ready", "passed": True, "detail": "ready is True", "hint": "", "required": True},
            {"name": "spare", "passed": False, "detail": "there is no spare", "hint": "", "required": False},
        ],
    }
    cli.configure("fraises: {a: {providers: {b: {provider: files, config: {path: there, ready: false}}}}}")
    assert cli.json("provider-test", "a", "b", code=5)["passed"] is False
