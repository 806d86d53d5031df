"""What `pre_flight` looks at: each finding with what mends it. Every question is one that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fraisier import Check, FraisierError, Target

from fraisier_coolify import creation, deployment_queue, lookup
from fraisier_coolify.api import segment
from fraisier_coolify.condition import Condition
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.environment import Variables
from fraisier_coolify.errors import MEANINGS, CoolifyError
from fraisier_coolify.resources import Application, Resource, Service
from fraisier_coolify.version_by import name_of, refusal_of
from fraisier_coolify.versions import OLDEST

_PATIENCE: Final = 20.0
_REFUSED: Final = 400
"""How Coolify answers a question about nothing to a token that may ask it."""
_NAMES: Final = {
    "unauthenticated": "token",
    "ability": "token",
    "role": "token",
    "forbidden": "token",
    "api_disabled": "api",
    "ip_not_allowed": "api",
}


def checks_of(target: Target, coolify: Coolify) -> list[Check]:
    """Return every check, in the order in which a person would mend what failed."""
    return list(_in_order(target, coolify))


def _in_order(target: Target, coolify: Coolify) -> Iterator[Check]:
    try:
        with coolify.client.hurried(_PATIENCE):
            if str(coolify.client.get("/api/health")).strip() != "OK":
                raise CoolifyError("not_coolify", f"GET {coolify.options.root}/api/health")
        yield Check(name="coolify", passed=True, detail=coolify.options.root)
        yield from _version(coolify)
        yield _deploy_ability(coolify)
        found = lookup.find(coolify)
    except FraisierError as error:
        yield _failed("coolify", error)
        return
    if found is None:
        yield _creation(coolify)
        return
    try:
        yield from _of_resource(target, coolify, found)
    except FraisierError as error:
        yield _failed("application", error)


def _of_resource(target: Target, coolify: Coolify, found: Resource) -> Iterator[Check]:
    kind = "service" if isinstance(found, Service) else "application"
    yield Check(name=kind, passed=True, detail=f"{found.name} ({found.uuid})")
    yield _write_ability(coolify, found)
    yield _sensitive_ability(coolify, found)
    yield _server(found)
    if isinstance(found, Application):
        yield _version_by(coolify, found)
        yield _others(coolify, found)
        yield _health_check(target, found.has_health_check)
        return
    starting = Condition.of(found.status).state == "starting"
    detail, hint = "the service is being started" if starting else "nobody else", "wait until it has started"
    yield Check(name="others", passed=not starting, detail=detail, hint=hint, required=False)
    # Coolify shows no error of a service, so that without a health check nobody knows what runs.
    yield _health_check(target, False)


def _version(coolify: Coolify) -> Iterator[Check]:
    version = coolify.version
    enough = version.can("deploys")
    hint = f"upgrade Coolify to {OLDEST} or later"
    yield Check(name="version", passed=enough, detail=f"Coolify {version}", hint=hint)
    if version.warning:
        hint = "read the changelog of fraisier-coolify"
        yield Check(name="version known", passed=False, detail=version.warning, hint=hint, required=False)


def _deploy_ability(coolify: Coolify) -> Check:
    """Ask for a deployment of nothing, which is refused in two ways."""
    return _ability("deploy", lambda: coolify.client.post("/deploy", {}))


def _write_ability(coolify: Coolify, found: Resource) -> Check:
    """Ask for a change of nothing, which is refused in two ways."""
    kind = "services" if isinstance(found, Service) else "applications"
    return _ability("write", lambda: coolify.client.patch(f"/{kind}/{segment(found.uuid)}", {}))


def _ability(name: str, ask: Callable[[], object]) -> Check:
    try:
        ask()
    except CoolifyError as error:
        if error.status != _REFUSED:
            raise
    return Check(name=f"ability {name}", passed=True, detail=f"the token has {name}")


def _sensitive_ability(coolify: Coolify, found: Resource) -> Check:
    """Look whether values are there: they are left out, and not refused, for a token that may not read them."""
    shown = Variables(coolify, found).shows_values
    if shown and isinstance(found, Application):
        # Without a variable to see, a deployment tells: its log is left out in the same way.
        told = coolify.client.list(
            f"/deployments/applications/{segment(found.uuid)}", "deployments", skip=0, take=1
        )
        shown = not told or "logs" in told[0]
    detail = "what it shows is there to be read" if shown else "the token lacks the ability read:sensitive"
    return Check(name="ability read:sensitive", passed=shown, detail=detail, hint=MEANINGS["ability"].hint)


def _server(found: Resource) -> Check:
    reachable = found.server_status is not False
    name = found.server if isinstance(found, Application) and found.server else "its server"
    detail = f"Coolify reaches {name}" if reachable else f"Coolify does not reach {name}"
    hint = "see the server in Coolify: Servers > Validate"
    return Check(name="server", passed=reachable, detail=detail, hint=hint)


def _version_by(coolify: Coolify, found: Application) -> Check:
    why = refusal_of(coolify, found)
    if why is not None:
        return Check(name="version_by", passed=False, detail=why.message, hint=why.hint)
    name = name_of(coolify, found)
    if name.startswith("env:") and Variables(coolify, found).value(name.removeprefix("env:")) is None:
        detail = f"{found.name} has no variable {name.removeprefix('env:')} yet; a deployment makes it"
        return Check(name="version_by", passed=True, detail=detail)
    return Check(name="version_by", passed=True, detail=f"{name}, for {found.build_pack}")


def _others(coolify: Coolify, found: Application) -> Check:
    """Look for deployments of others: a warning, since a deployment waits for those that it may wait for."""
    active = [row for row in deployment_queue.recent(coolify, found) if row.is_active]
    links = ", ".join(coolify.link(row.deployment_url) for row in active)
    detail = f"a deployment is under way: {links}" if active else "no deployment is under way"
    hint = "wait for it, or cancel it in Coolify"
    return Check(name="others", passed=not active, detail=detail, hint=hint, required=False)


def _health_check(target: Target, checked: bool) -> Check:
    has_own = target.health_check is not None
    detail = "health_check of fraises.yaml" if has_own else "Coolify's own" if checked else "there is none"
    hint = "add health_check: url: ... to the target, or a health check in Coolify: a crash is not seen without"
    return Check(name="health check", passed=has_own or checked, detail=detail, hint=hint, required=False)


def _creation(coolify: Coolify) -> Check:
    wanted = coolify.options.create
    why = lookup.missing(coolify) if wanted is None else creation.problem(coolify, wanted)
    if why is not None:
        return Check(name="application", passed=False, detail=why.message, hint=why.hint)
    return Check(name="application", passed=True, detail=f"{coolify.options.wanted.name} will be made")


def _failed(name: str, error: FraisierError) -> Check:
    if isinstance(error, CoolifyError):
        name = _NAMES.get(error.code, name)
    return Check(name=name, passed=False, detail=error.message, hint=error.hint or "see Coolify")
