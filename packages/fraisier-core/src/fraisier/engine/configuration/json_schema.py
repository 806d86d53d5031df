"""The JSON Schema of `fraises.yaml`, for completion in an editor: core's own part and each provider's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fraisier.contract.models import HealthCheck
from fraisier.contract.secret import Secret
from fraisier.engine.configuration.form import NAME

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_NAME: Final = {"type": "string", "pattern": f"^{NAME}$"}
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{", "description": "a reference, such as ${NAME}"}
_SINGLE: Final = ("integer", "number", "boolean", "string")
_SAID: Final = ("title", "description", "default", "examples")
"""What says something about a value to a person, and restricts nothing."""
_BELOW: Final = ("items", "additionalProperties", "propertyNames")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "patternProperties")


def schema(options: Mapping[str, type[msgspec.Struct]]) -> dict[str, Any]:
    """Return the schema of the whole file, given the options of each provider by its name."""
    definitions: dict[str, Any] = {}
    by_provider = [_when(name, struct, definitions) for name, struct in sorted(options.items())]
    _own(definitions, by_provider, sorted(options))
    return {
        "$schema": DIALECT,
        "title": "fraises.yaml",
        "type": "object",
        "properties": {
            "fraises": {
                "description": "the services, by name",
                "type": ["object", "null"],
                "propertyNames": _NAME,
                "additionalProperties": {"$ref": "#/$defs/fraise"},
            },
            "state": {
                "type": ["object", "null"],
                "properties": {"database": {"type": ["string", "null"], "not": _REFERENCE}},
                "additionalProperties": False,
            },
        },
        "patternProperties": {"^x-": {"description": "anything, such as anchors"}},
        "required": ["fraises"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def options_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of one provider's options."""
    definitions: dict[str, Any] = {}
    return {"$schema": DIALECT, **_components(struct, "", definitions), "$defs": definitions}


def _own(definitions: dict[str, Any], by_provider: list[dict[str, Any]], providers: list[str]) -> None:
    """Add what core itself defines: a fraise, a target, a fallback and a health check."""
    definitions["fraise"] = {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"]},
            "description": {"type": ["string", "null"]},
            "providers": {
                "description": "the targets, by environment",
                "type": "object",
                "minProperties": 1,
                "propertyNames": _NAME,
                "additionalProperties": {"$ref": "#/$defs/target"},
            },
        },
        "required": ["providers"],
        "additionalProperties": False,
    }
    fallback: dict[str, Any] = {
        "type": "object",
        "properties": {
            "provider": {**_NAME, "examples": providers},
            "config": {"type": ["object", "null"]},
            "health_check": {"anyOf": [{"$ref": "#/$defs/health_check"}, {"type": "null"}]},
        },
        "required": ["provider"],
        "additionalProperties": False,
        **({"allOf": by_provider} if by_provider else {}),
    }
    target = {"anyOf": [{"$ref": "#/$defs/fallback"}, {"type": "null"}]}
    definitions["fallback"] = fallback
    definitions["target"] = {**fallback, "properties": {**fallback["properties"], "fallback": target}}
    health_check = _components(HealthCheck, "health_check.", definitions)
    kinds = [{"required": [kind]} for kind in ("url", "tcp", "command")]
    definitions["health_check"] = {**health_check, "oneOf": kinds}


def _when(provider: str, struct: type[msgspec.Struct], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the rule that holds where a target names this provider."""
    name = f"options.{provider}"
    definitions[name] = _components(struct, f"{name}.", definitions)
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{name}"}}}
    if definitions[name].get("required"):
        then["required"] = ["config"]
    else:
        then["properties"]["config"] = {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]}
    return {"if": {"properties": {"provider": {"const": provider}}, "required": ["provider"]}, "then": then}


def _components(struct: type[msgspec.Struct], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a struct's schema and add those that it needs to the definitions, under names of their own."""
    template = f"#/$defs/{prefix}{{name}}"
    try:
        (root,), parts = msgspec.json.schema_components([struct], schema_hook=_secret, ref_template=template)
    except TypeError:
        # Somebody's provider has a type that msgspec cannot describe: the rest of the schema is still of use.
        return {"type": "object"}
    named = {f"{prefix}{name}": _or_reference(part) for name, part in parts.items()}
    own: dict[str, Any] = named.pop(root["$ref"].removeprefix("#/$defs/"))
    definitions.update(named)
    return {**own, "additionalProperties": False}


def _secret(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "description": "never shown; best given as a reference"}
    raise NotImplementedError


def _or_reference(part: Any) -> Any:
    """Let a reference stand wherever a single value is described, at any depth."""
    if not isinstance(part, dict):
        return part
    below = {key: _each_below(key, value) for key, value in part.items()}
    if "description" in below:
        below["description"] = " ".join(below["description"].split())
    said = {key: below[key] for key in _SAID if key in below}
    rule = {key: value for key, value in below.items() if key not in said}
    if (rule.get("type") in _SINGLE or "enum" in rule or "const" in rule) and rule != {"type": "string"}:
        return {**said, "anyOf": [rule, _REFERENCE]}
    return below


def _each_below(key: str, value: Any) -> Any:
    if key in _BELOW:
        return _or_reference(value)
    if key in _LISTS:
        return [_or_reference(each) for each in value]
    if key in _MAPS:
        return {name: _or_reference(each) for name, each in value.items()}
    return value
