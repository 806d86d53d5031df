"""Environment variables of applications and services, whose rules are not the same."""

from __future__ import annotations

import re
from typing import Any

from . import found, views
from .answers import Answer, encoded, invalid, refusal
from .routing import Call, route
from .world import Application, Service, Variable

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,254}")
FLAGS = ("is_preview", "is_literal", "is_multiline", "is_shown_once", "is_runtime", "is_buildtime")
ALLOWED = ("key", "value", "comment", *FLAGS)
OF_SERVICES = ("is_literal", "is_multiline", "is_shown_once")


@route("GET", "/applications/{uuid}/envs", "read")
def variables(call: Call) -> Answer:
    return _all(call, found.application(call, message="Application not found"))


@route("POST", "/applications/{uuid}/envs", "write")
def create(call: Call) -> Answer:
    row = found.application(call, message="Application not found")
    sent = _checked(call.body(declared=False))
    if _find(row, sent["key"], preview=_preview(sent)):
        raise refusal(409, "Environment variable already exists. Use PATCH request to update it.")
    return encoded({"uuid": _add(call, row, sent).uuid}, 201)


@route("PATCH", "/applications/{uuid}/envs", "write")
def change(call: Call) -> Answer:
    sent = call.body()
    row = found.application(call, message="Application not found")
    sent = _checked(sent)
    known = _find(row, sent["key"], preview=_preview(sent))
    if known is None:
        raise refusal(404, "Environment variable not found.")
    _overwrite(call, known, sent)
    return encoded(_view(call, known, row), 201)


@route("PATCH", "/applications/{uuid}/envs/bulk", "write")
def change_many(call: Call) -> Answer:
    sent = call.body()
    row = found.application(call, message="Application not found")
    done = []
    # One after the other: what stands before a bad one stays, and nobody is told which one it was.
    for item in _items(sent):
        item = _checked({key: value for key, value in item.items() if key in ALLOWED})
        known = _find(row, item["key"], preview=_preview(item))
        if known is None:
            known = _add(call, row, item)
        else:
            _overwrite(call, known, item)
        done.append(known)
    return encoded([_view(call, each, row) for each in done], 201)


@route("GET", "/services/{uuid}/envs", "read")
def variables_of_service(call: Call) -> Answer:
    return _all(call, found.service(call))


@route("POST", "/services/{uuid}/envs", "write")
def create_in_service(call: Call) -> Answer:
    row = found.service(call)
    sent = _checked(_known(call.body(declared=False)))
    if _find(row, sent["key"]):
        raise refusal(409, "Environment variable already exists. Use PATCH request to update it.")
    return encoded(_view(call, _add(call, row, sent), row), 201)


@route("PATCH", "/services/{uuid}/envs", "write")
def change_in_service(call: Call) -> Answer:
    row = found.service(call)
    sent = _checked(_known(call.body(declared=False)))
    known = _find(row, sent["key"])
    if known is None:
        raise refusal(404, "Environment variable not found.")
    _merge(call, known, sent)
    return encoded(_view(call, known, row), 201)


@route("PATCH", "/services/{uuid}/envs/bulk", "write")
def change_many_in_service(call: Call) -> Answer:
    row = found.service(call)
    done = []
    for each in _items(call.body(declared=False)):
        item = _checked(_known(each))
        known = _find(row, item["key"])
        if known is None:
            known = _add(call, row, item)
        else:
            _merge(call, known, item)
        done.append(known)
    return encoded([_view(call, each, row) for each in done], 201)


@route("DELETE", "/applications/{uuid}/envs/{env_uuid}", "write")
def delete(call: Call) -> Answer:
    return _delete(call, found.application(call))


@route("DELETE", "/services/{uuid}/envs/{env_uuid}", "write")
def delete_in_service(call: Call) -> Answer:
    return _delete(call, found.service(call))


def _all(call: Call, row: Application | Service) -> Answer:
    return encoded([_view(call, each, row) for each in sorted(row.variables, key=lambda each: each.key)])


def _view(call: Call, variable: Variable, row: Application | Service) -> dict[str, Any]:
    of_service = isinstance(row, Service)
    return views.variable(call.world, variable, secrets=call.sees_secrets, of_service=of_service)


def _delete(call: Call, row: Application | Service) -> Answer:
    for each in row.variables:
        if each.uuid == call.parameters["env_uuid"]:
            row.variables.remove(each)
            return encoded({"message": "Environment variable deleted."})
    raise refusal(404, "Environment variable not found.")


def _find(row: Application | Service, key: str, *, preview: bool = False) -> Variable | None:
    return next((each for each in row.variables if each.key == key and each.is_preview == preview), None)


def _preview(sent: dict[str, Any]) -> bool:
    return bool(sent.get("is_preview", False))


def _known(sent: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sent.items() if key in ("key", "value", "comment", *OF_SERVICES)}


def _items(sent: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(sent.get("data"), list):
        raise refusal(400, "Bulk data is required.")
    return list(sent["data"])


def _checked(sent: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a variable cannot be; a key by itself is told as text, the others as lists."""
    errors: dict[str, Any] = {key: "This field is not allowed." for key in sent if key not in ALLOWED}
    if not isinstance(sent.get("key"), str) or not KEY.fullmatch(sent["key"]):
        errors["key"] = ["The key field format is invalid."]
    if not isinstance(sent.get("value"), str | None):
        errors["value"] = ["The value field must be a string."]
    errors |= {
        flag: [f"The {flag.replace('_', ' ')} field must be true or false."]
        for flag in FLAGS
        if not isinstance(sent.get(flag, False), bool)
    }
    if errors:
        raise invalid(errors)
    return sent


def _add(call: Call, row: Application | Service, sent: dict[str, Any]) -> Variable:
    now = call.world.clock.now
    made = Variable(call.world.uuid(), created=now, updated=now, **{"value": None, **sent})
    row.variables.append(made)
    if isinstance(row, Application) and not made.is_preview:
        twin = {**sent, "is_preview": True}
        if _find(row, made.key, preview=True) is None:
            row.variables.append(Variable(call.world.uuid(), created=now, updated=now, **{"value": None, **twin}))
    return made


def _overwrite(call: Call, known: Variable, sent: dict[str, Any]) -> None:
    """Set everything, what was not sent too: one flag becomes false, two others NULL where none may stand."""
    for flag in ("is_multiline", "is_shown_once"):
        if getattr(known, flag) and flag not in sent:
            raise refusal(500, "Server Error")
    known.is_literal = False
    _merge(call, known, sent)


def _merge(call: Call, known: Variable, sent: dict[str, Any]) -> None:
    for key, value in sent.items():
        setattr(known, key, value)
    known.updated = call.world.clock.now
