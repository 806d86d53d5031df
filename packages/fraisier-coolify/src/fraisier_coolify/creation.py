"""Making the application that `create` describes, when there is none."""

from __future__ import annotations

from typing import Any

from fraisier import Progress, TargetError

from fraisier_coolify import lookup
from fraisier_coolify.api import segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.options import Create
from fraisier_coolify.resources import Application


def create(coolify: Coolify, progress: Progress) -> Application:
    """Make the application, without deploying it.

    Raises:
        TargetError: `create` is not there, or Coolify does not take what it says.
    """
    wanted, name = coolify.options.create, coolify.options.wanted.name
    if wanted is None:
        raise lookup.missing(coolify)
    progress.line(f"makes the application {name} in {wanted.project} {wanted.environment}")
    body = {
        "project_uuid": lookup.project_uuid(coolify, wanted.project),
        "environment_name": wanted.environment,
        "server_uuid": lookup.server_uuid(coolify, wanted.server),
        "name": name,
        "instant_deploy": False,
        **_ports_and_domains(wanted),
        **_source(wanted),
    }
    try:
        told = coolify.client.post(_route(wanted), body)
    except CoolifyError as error:
        if error.perhaps_done and (made := lookup.find(coolify)) is not None:
            return _application(made)
        raise
    uuid = told.get("uuid") if isinstance(told, dict) else None
    if not uuid:
        raise TargetError("Coolify made the application and does not tell its uuid", hint="see Coolify")
    return _application(lookup.by_uuid(coolify, str(uuid)))


def problem(coolify: Coolify, wanted: Create) -> TargetError | None:
    """Return what keeps the application from being made, as far as looking tells; None where nothing does."""
    try:
        project = lookup.project_uuid(coolify, wanted.project)
        lookup.server_uuid(coolify, wanted.server)
        coolify.client.object(f"/projects/{segment(project)}/{segment(wanted.environment)}")
    except CoolifyError as error:
        if error.code != "not_found":
            return error
        hint = f"make the environment in Coolify, in the project {wanted.project}"
        return TargetError(f'{wanted.project} has no environment "{wanted.environment}"', hint=hint)
    except TargetError as error:
        return error
    return None


def _route(wanted: Create) -> str:
    if wanted.image is not None:
        return "/applications/dockerimage"
    if wanted.private_key is not None:
        return "/applications/private-deploy-key"
    return "/applications/private-github-app" if wanted.github_app is not None else "/applications/public"


def _source(wanted: Create) -> dict[str, Any]:
    if wanted.image is not None:
        return {"docker_registry_image_name": wanted.image}
    keys = {"private_key_uuid": wanted.private_key, "github_app_uuid": wanted.github_app}
    return {
        "git_repository": wanted.repository,
        "git_branch": wanted.branch,
        "build_pack": wanted.build_pack,
        **{name: value for name, value in keys.items() if value is not None},
    }


def _ports_and_domains(wanted: Create) -> dict[str, str]:
    found = {}
    if wanted.ports:
        found["ports_exposes"] = ",".join(map(str, wanted.ports))
    if wanted.domains and wanted.build_pack != "dockercompose":
        found["domains"] = ",".join(wanted.domains)
    return found


def _application(found: object) -> Application:
    if not isinstance(found, Application):
        raise TargetError("what Coolify made is no application", hint="see Coolify")
    return found
