"""`fraisier validate` and `fraisier schema`."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Cli

jsonschema = pytest.importorskip("jsonschema")

OLD = """\
fraises:
  my_api:
    type: api
    environments:
      production:
        app_path: /var/app
        systemd_service: my_api.service
"""


def test_a_good_file_has_no_problems(cli: Cli) -> None:
    assert cli("validate").out == "fraises.yaml: 3 targets, no problems\n"


def test_all_that_is_wrong_is_told_at_once(cli: Cli) -> None:
    cli.configure(
        "fraises:\n  a:\n    providers:\n      b:\n        provider: files\n"
        "        config:\n          pth: there\n          ready: perhaps\n"
    )
    said = cli("validate", code=3)
    assert said.out == ""
    assert said.err.splitlines() == [
        "fraisier: 3 problems in fraises.yaml",
        "  fraises.yaml:6: fraises.a.providers.b.config.path: missing, and required",
        '  fraises.yaml:7: fraises.a.providers.b.config.pth: unknown key; did you mean "path"?',
        "  fraises.yaml:8: fraises.a.providers.b.config.ready: expected bool, got str 'perhaps'",
    ]
    error = cli.json("validate", code=3)["error"]
    assert error["problems"] == [line.strip() for line in said.err.splitlines()[1:]]


def test_no_secret_is_looked_up(cli: Cli) -> None:
    cli.configure(
        "fraises: {a: {providers: {b: {provider: files, config: {path: there, token: '${cmd:touch looked-up}'}}}}}"
    )
    cli("validate")
    assert not (cli.folder / "looked-up").exists()


def test_no_target_is_asked_and_nothing_is_recorded(cli: Cli) -> None:
    cli("validate")
    assert [path.name for path in cli.folder.iterdir()] == ["fraises.yaml"]


@pytest.mark.parametrize("command", [["validate"], ["list"], ["deploy", "my_api", "production"]])
def test_the_older_form_is_shown_in_the_new_one(cli: Cli, command: list[str]) -> None:
    cli.configure(OLD)
    error = cli.json(*command, code=3)["error"]
    assert "this is the older form of the file" in error["message"]
    assert "provider: bare_metal" in "\n".join(error["problems"])
    assert "systemd_service: my_api.service" in "\n".join(error["problems"])


@pytest.fixture
def schema(cli: Cli) -> dict[str, Any]:
    composed = cli.json("schema")
    assert isinstance(composed, dict)
    jsonschema.Draft202012Validator.check_schema(composed)
    return composed


def problems(schema: dict[str, Any], config: Any, provider: str = "files") -> list[str]:
    target = {"provider": provider, "config": config}
    document = {"fraises": {"a": {"providers": {"b": target}}}}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_the_schema_takes_what_validate_takes(schema: dict[str, Any]) -> None:
    assert problems(schema, {"path": "there", "ready": False, "token": "${TOKEN}"}) == []


@pytest.mark.parametrize("config", [{}, {"path": ""}, {"path": 7}, {"path": "there", "pth": 1}])
def test_the_schema_refuses_what_the_provider_refuses(schema: dict[str, Any], config: dict[str, Any]) -> None:
    assert problems(schema, config) != []


def test_the_schema_leaves_providers_alone_that_are_not_installed(schema: dict[str, Any]) -> None:
    assert problems(schema, {"anything": "goes"}, provider="not_installed") == []
