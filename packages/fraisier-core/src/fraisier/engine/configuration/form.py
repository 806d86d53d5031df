"""The form of `fraises.yaml`: which keys there are, what they may hold, and the places that they describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fraisier.contract.models import HealthCheck
from fraisier.contract.options import OptionProblem, nearest
from fraisier.engine.configuration.old_form import refuse_old_form
from fraisier.engine.configuration.place import Place
from fraisier.engine.configuration.problems import KeyPath, Problems, wrong_options
from fraisier.engine.configuration.references import parse_references
from fraisier.engine.configuration.yaml_file import Document

NAME: Final = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
"""What fraises, environments and providers may be called, as a regular expression."""
TOP_KEYS: Final = frozenset({"fraises", "state"})
FRAISE_KEYS: Final = frozenset({"type", "description", "providers"})
FALLBACK_KEYS: Final = frozenset({"provider", "config", "health_check"})
TARGET_KEYS: Final = FALLBACK_KEYS | {"fallback"}

_is_name = re.compile(NAME).fullmatch
_NAMES = 'use up to 64 letters, digits, "_", "." and "-", and begin with a letter, a digit or "_"'
_KINDS: Final = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}


def read_places(
    document: Document, folder: Path, problems: Problems
) -> tuple[dict[tuple[str, str], Place], str | None]:
    """Return the places that a file describes and its `state.database`, as far as they can be read.

    What is wrong is added to the problems; a ConfigError is raised only where nothing can be read.
    """
    root = document.value
    if not isinstance(root, dict):
        problems.add((), f"expected a mapping with the key fraises, got {_kind(root)}")
        problems.raise_any()
    refuse_old_form(document, folder)
    form = _Form(document, problems, folder)
    form.check_keys((), {key: None for key in root if not key.startswith("x-")}, TOP_KEYS)
    form.read_fraises(root)
    state_database = form.read_state(root.get("state"))
    return form.places, state_database


class _Form:
    """Walks through the file once; what is wrong is noted, and the walk goes on."""

    def __init__(self, document: Document, problems: Problems, folder: Path) -> None:
        self.document = document
        self.problems = problems
        self.folder = folder
        self.places: dict[tuple[str, str], Place] = {}

    def read_fraises(self, root: Mapping[str, Any]) -> None:
        if "fraises" not in root:
            self.problems.add(("fraises",), "missing, and required")
            return
        for fraise, raw in self.mapping(("fraises",), root["fraises"]).items():
            path: KeyPath = ("fraises", fraise)
            self.check_name(path, fraise)
            if raw is None or not isinstance(raw, dict):
                self.problems.add(path, f"expected a mapping, got {_kind(raw)}")
                continue
            self.check_keys(path, raw, FRAISE_KEYS)
            kind = self.text((*path, "type"), raw.get("type"))
            self.text((*path, "description"), raw.get("description"))
            if "providers" not in raw:
                self.problems.add((*path, "providers"), "missing, and required")
                continue
            self.read_providers((*path, "providers"), raw["providers"], fraise, kind)

    def read_providers(self, path: KeyPath, raw: Any, fraise: str, kind: str | None) -> None:
        environments = self.mapping(path, raw)
        if not environments and (raw is None or isinstance(raw, dict)):
            self.problems.add(path, "expected at least one environment, got none")
        for environment, target in environments.items():
            below = (*path, environment)
            self.check_name(below, environment)
            place = self.read_target(below, target, {"fraise": fraise, "environment": environment, "type": kind})
            if place is not None:
                self.places[fraise, environment] = place

    def read_target(
        self, path: KeyPath, raw: Any, names: dict[str, Any], primary: Place | None = None
    ) -> Place | None:
        """Read one target; with `primary`, the fallback that may stand in for it."""
        if not isinstance(raw, dict):
            self.problems.add(path, f"expected a mapping, got {_kind(raw)}")
            return None
        self.check_keys(path, raw, TARGET_KEYS if primary is None else FALLBACK_KEYS)
        provider = raw.get("provider")
        if "provider" not in raw:
            self.problems.add((*path, "provider"), "missing, and required")
        elif not isinstance(provider, str):
            self.problems.add((*path, "provider"), f"expected the name of a provider, got {_kind(provider)}")
        else:
            self.check_name((*path, "provider"), provider)
        health_check = self.read_health_check((*path, "health_check"), raw.get("health_check"))
        inherits = primary is not None and health_check is None
        place = Place(
            **names,
            provider=str(provider),
            options=self.references((*path, "config"), self.mapping((*path, "config"), raw.get("config"))),
            health_check=primary.health_check if primary is not None and inherits else health_check,
            fallback=None,
            is_fallback=primary is not None,
            folder=self.folder,
            path=path,
            health_check_path=(
                primary.health_check_path if primary is not None and inherits else (*path, "health_check")
            ),
            document=self.document,
        )
        if primary is None and raw.get("fallback") is not None:
            fallback = self.read_target((*path, "fallback"), raw["fallback"], names, place)
            return msgspec.structs.replace(place, fallback=fallback)
        return place

    def read_health_check(self, path: KeyPath, raw: Any) -> Any:
        if raw is None:
            return None
        check = self.references(path, self.mapping(path, raw))
        if isinstance(raw, dict) and not _is_health_check(check):
            self.problems.add_all(path, wrong_options(check, HealthCheck))
        return check

    def read_state(self, raw: Any) -> str | None:
        state = self.mapping(("state",), raw)
        self.check_keys(("state",), state, frozenset({"database"}))
        database = self.text(("state", "database"), state.get("database"))
        if database is not None and "${" in database:
            message = "expected a plain path, got a reference; for a path from outside, set FRAISIER_DATABASE"
            self.problems.add(("state", "database"), message)
        return database

    def check_keys(self, path: KeyPath, raw: Mapping[str, Any], known: frozenset[str]) -> None:
        if not raw.keys() <= known:
            for key in [key for key in raw if key not in known]:
                self.problems.add((*path, key), f"unknown key{nearest(key[:80], known)}")

    def check_name(self, path: KeyPath, name: str) -> None:
        if _is_name(name) is None:
            self.problems.add(path, f"not a name; {_NAMES}")

    def mapping(self, path: KeyPath, raw: Any) -> Mapping[str, Any]:
        """Return a mapping; a key with nothing behind it is an empty one."""
        if isinstance(raw, dict):
            return raw
        if raw is not None:
            self.problems.add(path, f"expected a mapping, got {_kind(raw)}")
        return {}

    def text(self, path: KeyPath, raw: Any) -> str | None:
        if raw is None or isinstance(raw, str):
            return raw
        self.problems.add(path, f"expected text, got {_kind(raw)}")
        return None

    def references(self, path: KeyPath, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        malformed: list[OptionProblem] = []
        parsed: Mapping[str, Any] = parse_references(raw, malformed)
        self.problems.add_all(path, malformed)
        return parsed


def _is_health_check(raw: Mapping[str, Any]) -> bool:
    """Tell quickly whether all is well, as it nearly always is; what is wrong takes longer to tell."""
    try:
        msgspec.convert(raw, HealthCheck)
    except msgspec.ValidationError:
        return False
    return True


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), f"the number {value}")
