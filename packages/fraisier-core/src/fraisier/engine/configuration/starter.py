"""The file that `fraisier init` writes: one service, with every option of its provider explained."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from fraisier.engine.configuration.json_schema import options_schema

_WIDTH: Final = 100
_FALLBACK_EXAMPLES: Final[Mapping[str, Any]] = {"string": "CHANGE-ME", "integer": 1, "number": 1, "boolean": False}

_HEAD: Final = """\
# What fraisier deploys, and where to. Check it with: fraisier validate
# Values may refer to secrets: ${NAME}, ${NAME:-default}, ${file:PATH}, ${cmd:COMMAND}.
fraises:
  my_service:
    type: api
    providers:
      production:
        provider: {provider}
        config:
"""
_TAIL: Final = """\
        # How to tell that it works; one of url, tcp (host:port) and command.
        # health_check:
        #   url: http://127.0.0.1:8000/health
        #   timeout: 30                 # seconds to become healthy after a deploy
        #   expect_status: 200
        #   expect_body: "{version}"    # the answer must hold this; {revision} works too
        # fallback:                     # deployed to when this target fails before anything changed
        #   provider: ...
        #   config: {}
"""


def starter(provider: str, options: type[msgspec.Struct] | None) -> str:
    """Return a file to fill in: what a provider requires and has examples of; the rest is commented out."""
    lines = list(_option_lines(options_schema(options))) if options is not None else ["{}"]
    body = textwrap.indent("\n".join(lines), " " * 10)
    return _HEAD.replace("{provider}", provider) + body + "\n" + _TAIL


def _option_lines(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    if not required:
        yield "{}"
    for key in sorted(properties, key=lambda name: name not in required and not properties[name].get("examples")):
        about = properties[key]
        if described := about.get("description"):
            yield from textwrap.wrap(described, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        if key in required or about.get("examples"):
            yield f"{key}: {_example(about)}"
        else:
            yield f"# {key}: {_example(about)}"


def _example(about: Mapping[str, Any]) -> str:
    if about.get("examples"):
        return json.dumps(about["examples"][0], ensure_ascii=False)
    if about.get("default") is not None:
        return json.dumps(about["default"], ensure_ascii=False)
    kinds = [about.get("type"), *(each.get("type") for each in about.get("anyOf", []))]
    return next((json.dumps(_FALLBACK_EXAMPLES[kind]) for kind in kinds if kind in _FALLBACK_EXAMPLES), "null")
