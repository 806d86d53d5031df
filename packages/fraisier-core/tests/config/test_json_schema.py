"""The JSON Schema of the file agrees with what the file is read as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from fraisier.contract.errors import ConfigError
from fraisier.contract.options import Options
from fraisier.contract.secret import Secret
from fraisier.engine.configuration.config import load_config
from fraisier.engine.configuration.json_schema import options_schema, schema
from fraisier.engine.configuration.yaml_file import read_yaml
from jsonschema import Draft202012Validator

Write = Callable[[str], Path]


class Part(msgspec.Struct, forbid_unknown_fields=True):
    port: int


class LocalOptions(Options, frozen=True, kw_only=True):
    """How this machine
    is used."""

    app_path: str
    port: Annotated[int, msgspec.Meta(ge=1, description="where it listens")] = 80
    token: Secret | None = None
    mode: Literal["fast", "safe"] = "safe"
    debug: bool = False
    build: list[str] = msgspec.field(default_factory=list)
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    parts: list[Part] = msgspec.field(default_factory=list)


class OtherOptions(Options, frozen=True, kw_only=True):
    parts: list[Part] = msgspec.field(default_factory=list)


OPTIONS: dict[str, type[msgspec.Struct]] = {"local": LocalOptions, "other.one": OtherOptions}
TARGET = "fraises: {a: {providers: {p: {provider: local, config: {app_path: /x, KEYS}}}}}"


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema(OPTIONS))
    Draft202012Validator.check_schema(schema({}))
    Draft202012Validator.check_schema(options_schema(LocalOptions))


@pytest.mark.parametrize(
    "text",
    [
        "fraises:",
        "fraises: {}\nx-anchors: [anything]\nstate: {database: x.db}",
        "fraises: {a: {type: api, description: d, providers: {p: {provider: not_installed, config: {any: 1}}}}}",
        "fraises: {a: {providers: {p: {provider: other.one}, q: {provider: other.one, config: }}}}",
        TARGET.replace(", KEYS", ""),
        TARGET.replace("KEYS", "port: 8080, token: x, mode: fast, debug: true, build: [a], environment: {A: b}"),
        TARGET.replace("KEYS", "port: '${PORT}', token: '${T}', mode: '${M}', debug: '${D}', build: ['${B}']"),
        TARGET.replace("KEYS", "parts: [{port: 1}, {port: '${PORT}'}]"),
        "fraises: {a: {providers: {p: {provider: x, health_check: {url: http://x/, timeout: 3}}}}}",
        "fraises: {a: {providers: {p: {provider: x, health_check: {tcp: 'a:1', timeout: '${T}'}}}}}",
        "fraises: {a: {providers: {p: {provider: x, health_check: , fallback: }}}}",
        "fraises: {a: {providers: {p: {provider: x, fallback: {provider: local, config: {app_path: /x}}}}}}",
    ],
)
def test_what_can_be_read_fits_the_schema(write: Write, text: str) -> None:
    path = write(text)
    load_config(path, OPTIONS.get)
    assert list(Draft202012Validator(schema(OPTIONS)).iter_errors(read_yaml(path).value)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "x-a: 1",
        "fraises: []",
        "fraises: {}\nother: 1",
        "fraises: {}\nstate: {path: x}",
        "fraises: {}\nstate: {database: '${X}'}",
        "fraises: {a: }",
        "fraises: {a: {}}",
        "fraises: {a: {providers: {}}}",
        "fraises: {a b: {providers: {p: {provider: x}}}}",
        "fraises: {a: {providers: {-p: {provider: x}}}}",
        "fraises: {a: {type: 1, providers: {p: {provider: x}}}}",
        "fraises: {a: {kind: x, providers: {p: {provider: x}}}}",
        "fraises: {a: {providers: {p: {}}}}",
        "fraises: {a: {providers: {p: {provider: a b}}}}",
        "fraises: {a: {providers: {p: {provider: x, cnfig: {}}}}}",
        "fraises: {a: {providers: {p: {provider: x, config: []}}}}",
        "fraises: {a: {providers: {p: {provider: local}}}}",
        "fraises: {a: {providers: {p: {provider: local, config: }}}}",
        TARGET.replace("KEYS", "prot: 1"),
        TARGET.replace("KEYS", "port: 0"),
        TARGET.replace("KEYS", "port: eighty"),
        TARGET.replace("KEYS", "mode: slow"),
        TARGET.replace("KEYS", "debug: 'yes'"),
        TARGET.replace("KEYS", "build: make"),
        TARGET.replace("KEYS", "environment: {A: 1}"),
        TARGET.replace("KEYS", "parts: [{prt: 1, port: 1}]"),
        "fraises: {a: {providers: {p: {provider: x, health_check: {}}}}}",
        "fraises: {a: {providers: {p: {provider: x, health_check: {url: http://x/, tcp: 'a:1'}}}}}",
        "fraises: {a: {providers: {p: {provider: x, health_check: {tcp: 'a:1', timeout: soon}}}}}",
        "fraises: {a: {providers: {p: {provider: x, fallback: {provider: local, config: {}}}}}}",
        "fraises: {a: {providers: {p: {provider: x, fallback: {provider: y, fallback: {provider: z}}}}}}",
    ],
)
def test_what_is_refused_does_not_fit_the_schema(write: Write, text: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError):
        load_config(path, OPTIONS.get)
    assert list(Draft202012Validator(schema(OPTIONS)).iter_errors(read_yaml(path).value)) != []


def test_the_options_of_one_provider_are_described() -> None:
    described = options_schema(OtherOptions)
    reference = {"type": "string", "pattern": "\\$\\{", "description": "a reference, such as ${NAME}"}
    assert described == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OtherOptions",
        "type": "object",
        "properties": {"parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "default": []}},
        "required": [],
        "additionalProperties": False,
        "$defs": {
            "Part": {
                "title": "Part",
                "type": "object",
                "properties": {"port": {"anyOf": [{"type": "integer"}, reference]}},
                "required": ["port"],
                "additionalProperties": False,
            }
        },
    }


def test_unknown_keys_are_refused_also_where_the_struct_would_take_them() -> None:
    class Loose(msgspec.Struct):
        a: int = 1

    assert options_schema(Loose)["additionalProperties"] is False


def test_what_a_person_reads_stands_beside_the_rule() -> None:
    described = options_schema(LocalOptions)
    assert described["description"] == "How this machine is used."
    port: dict[str, Any] = described["properties"]["port"]
    assert (port["description"], port["default"]) == ("where it listens", 80)
    assert port["anyOf"][0] == {"type": "integer", "minimum": 1}


def test_a_provider_with_a_type_that_cannot_be_described_spoils_nothing() -> None:
    class Strange(Options, frozen=True):
        path: Path

    assert schema({"strange": Strange})["$defs"]["options.strange"] == {"type": "object"}
