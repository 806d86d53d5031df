"""Finding the application or the service that `fraises.yaml` names: by uuid, name or address, never by guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fraisier import TargetError

from fraisier_coolify.api import Object, segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.resources import Application, Resource, Service, read

# 24 letters and digits; older ones are shorter or longer, and none is a UUID of RFC 4122.
_UUID = re.compile(r"[a-z0-9]{7,40}")
_SHOWN: Final = 10


def find(coolify: Coolify) -> Resource | None:
    """Return the application or service, or None where there is none.

    Raises:
        TargetError: there are several; the message lists them.
    """
    wanted, known = coolify.options.wanted, coolify.client.uuids
    key = f"{_route(coolify)} {wanted!r}"
    if key in known:
        return by_uuid(coolify, known[key])
    found: Resource | None = None
    if wanted.project is None and _UUID.fullmatch(wanted.name):
        found = _if_there(coolify, wanted.name)
    if found is None:
        candidates = [each for each in _listed(coolify) if _answers_to(wanted.name, each)]
        if len(candidates) > 1:
            raise _ambiguous(coolify, candidates)
        found = by_uuid(coolify, str(candidates[0].get("uuid"))) if candidates else None
    if found is not None:
        known[key] = found.uuid
    return found


def require(coolify: Coolify) -> Resource:
    """Return the application or service.

    Raises:
        TargetError: there is none, or there are several.
    """
    found = find(coolify)
    if found is None:
        raise missing(coolify)
    return found


def by_uuid(coolify: Coolify, uuid: str) -> Resource:
    """Return an application or service as Coolify tells of it now."""
    told = coolify.client.object(f"/{_route(coolify)}/{segment(uuid)}")
    return read(Service, told) if coolify.options.service is not None else read(Application, told)


def missing(coolify: Coolify) -> TargetError:
    """Return the error that says what there is in the place of what was named."""
    wanted, what = coolify.options.wanted, _route(coolify).removesuffix("s")
    other = "applications" if what == "service" else "services"
    if any(_answers_to(wanted.name, each) for each in coolify.client.list(f"/{other}")):
        hint = f"it is {'an' if what == 'service' else 'a'} {other[:-1]}: write {other[:-1]} in place of {what}"
    else:
        names = sorted({str(each.get("name")) for each in coolify.client.list(f"/{_route(coolify)}")})
        hint = f"known: {', '.join(names[:_SHOWN]) or 'none'}; or its uuid"
    where = f" in {wanted.project} {wanted.environment or ''}".rstrip() if wanted.project else ""
    return TargetError(f'the team of this token has no {what} "{wanted.name}"{where}', hint=hint)


def project_uuid(coolify: Coolify, name: str) -> str:
    """Return the uuid of a project by its name or uuid."""
    projects = coolify.client.list("/projects")
    return _one(projects, name, "project")


def server_uuid(coolify: Coolify, name: str | None) -> str:
    """Return the uuid of a server by its name or uuid, or of the only one there is."""
    servers = coolify.client.list("/servers")
    if name is None and len(servers) == 1:
        return str(servers[0].get("uuid"))
    return _one(servers, name or "", "server")


def _one(found: list[Object], name: str, what: str) -> str:
    matching = [str(each.get("uuid")) for each in found if name in (each.get("name"), each.get("uuid"))]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(f"{each.get('name')} ({each.get('uuid')})" for each in found[:_SHOWN])
    said = f'{len(matching) or "no"} {what}s are named "{name}"' if name else f"there are {len(found)} {what}s"
    raise TargetError(said, hint=f"name one of: {names or 'none'}")


def _route(coolify: Coolify) -> str:
    return "services" if coolify.options.service is not None else "applications"


def _if_there(coolify: Coolify, uuid: str) -> Resource | None:
    try:
        return by_uuid(coolify, uuid)
    except CoolifyError as error:
        if error.code != "not_found":
            raise
        return None


def _listed(coolify: Coolify) -> Iterator[Object]:
    """Give all applications or services, of one project or environment where that is named."""
    wanted, client = coolify.options.wanted, coolify.client
    if wanted.project is None:
        yield from client.list(f"/{_route(coolify)}")
        return
    project = segment(project_uuid(coolify, wanted.project))
    environments = [wanted.environment] if wanted.environment else _environments(coolify, project)
    for environment in environments:
        held = client.object(f"/projects/{project}/{segment(environment)}")
        yield from held.get(_route(coolify)) or []


def _environments(coolify: Coolify, project: str) -> list[str]:
    told = coolify.client.object(f"/projects/{project}").get("environments") or []
    return [str(each.get("name")) for each in told]


def _answers_to(wanted: str, found: Object) -> bool:
    addresses = [_normalised(each) for each in str(found.get("fqdn") or "").split(",") if each.strip()]
    return wanted in (found.get("name"), found.get("uuid")) or _normalised(wanted) in addresses


def _normalised(address: str) -> str:
    return address.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")


def _ambiguous(coolify: Coolify, candidates: list[Object]) -> TargetError:
    shown = [f"{each.get('uuid')} ({each.get('fqdn') or each.get('status')})" for each in candidates[:_SHOWN]]
    message = (
        f'"{coolify.options.wanted.name}" is the name of {len(candidates)} {_route(coolify)}: {", ".join(shown)}'
    )
    return TargetError(message, hint="name the uuid, or the project and environment beside the name")
