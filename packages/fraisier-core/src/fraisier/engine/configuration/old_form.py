"""The older form of `fraises.yaml`: refused, with the same fraises written in the new form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fraisier.contract.errors import ConfigError
from fraisier.contract.models import HealthCheck
from fraisier.engine.configuration.problems import KeyPath, shown_keys
from fraisier.engine.configuration.yaml_file import Document

_MARKS: Final = ("app_path", "systemd_service")
"""What an environment of the older form has, and one of the new form has not."""
_FRAISE_KEYS: Final = ("type", "description")
_MOST: Final = 20
"""How many fraises are shown in the new form."""


def refuse_old_form(document: Document, folder: Path) -> None:
    """Raise a ConfigError whose `problems` are the lines of the new form, if this is the older one."""
    root = document.value
    old: dict[KeyPath, tuple[str, Mapping[str, Any]]] = {}
    if _is_old(root) and "fraises" not in root:
        old[()] = (_name_of(root, folder), root)
    fraises = root.get("fraises")
    for name, raw in fraises.items() if isinstance(fraises, dict) else ():
        if isinstance(raw, dict) and _is_old(raw):
            old["fraises", name] = (name, raw)
    if not old:
        return
    from fraisier.engine.configuration.yaml_parser import write

    place = (*next(iter(old)), "environments")
    new = {"fraises": dict(_new_fraise(name, raw) for name, raw in list(old.values())[:_MOST])}
    shown = "the same" if len(old) <= _MOST else f"the first {_MOST} of {len(old)} fraises"
    raise ConfigError(
        f"{document.shown}:{document.line_of(place)}: {shown_keys(place)}this is the older form of the file, "
        "which names no providers",
        hint=f"write {shown} in the new form",
        problems=write(new).splitlines(),
    )


def _is_old(raw: Mapping[str, Any]) -> bool:
    environments = raw.get("environments")
    if "providers" in raw or not isinstance(environments, dict):
        return False
    return any(
        isinstance(each, dict) and "provider" not in each and any(mark in each for mark in _MARKS)
        for each in environments.values()
    )


def _name_of(root: Mapping[str, Any], folder: Path) -> str:
    """Return a name for the one fraise of a file that has its environments at the top."""
    named = root.get("name")
    if not isinstance(named, str):
        services = [
            each.get("systemd_service") for each in root["environments"].values() if isinstance(each, dict)
        ]
        named = next((each for each in services if isinstance(each, str)), folder.name).removesuffix(".service")
    return re.sub(r"[^A-Za-z0-9_.-]", "_", named).lstrip(".-")[:64] or "my_service"


def _new_fraise(name: str, raw: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a fraise in the new form; what all its environments shared is given to each."""
    kept = {key: raw[key] for key in _FRAISE_KEYS if isinstance(raw.get(key), str)}
    shared = {
        key: value
        for key, value in raw.items()
        if key not in kept and key != "environments" and not key.startswith("x-")
    }
    environments = {
        environment: _new_target({**shared, **(each or {})})
        for environment, each in raw["environments"].items()
        if each is None or isinstance(each, dict)
    }
    return name, {**kept, "providers": environments}


def _new_target(old: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(old)
    health_check = _health_check(config.get("health_check"))
    if health_check is None:
        return {"provider": "bare_metal", "config": config}
    del config["health_check"]
    return {"provider": "bare_metal", "config": config, "health_check": health_check}


def _health_check(old: Any) -> dict[str, Any] | None:
    """Return what of a health check the new form takes as well, or None when that is not enough for one."""
    if not isinstance(old, dict):
        return None
    known = {field.name for field in msgspec.structs.fields(HealthCheck)}
    kept = {key: value for key, value in old.items() if key in known}
    try:
        msgspec.convert(kept, HealthCheck)
    except msgspec.ValidationError:
        return None
    return kept
