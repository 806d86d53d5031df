"""Services (stacks), which have no deployments: a variable says the version, and a ledger what was started."""

from __future__ import annotations

import time
from typing import Any, Final

from fraisier import Deployed, DeploymentLockedError, Progress, Release, Status, TargetError

from fraisier_coolify import lookup
from fraisier_coolify.api import segment
from fraisier_coolify.condition import Condition
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.environment import Variables
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.resources import Resource, Service, moment
from fraisier_coolify.settling import settle
from fraisier_coolify.version_by import variable

_START_SECONDS: Final = 180.0
"""A service is parsed and written to its server within the request that starts it."""
_TRIES: Final = 3


def status_of(coolify: Coolify, service: Service) -> Status:
    """Return what the ledger has to be in service, in the state that Coolify tells."""
    variables = Variables(coolify, service)
    release, since = _release(coolify, service, variables), None
    noted = variable.entries(variables)
    if noted:
        since = moment(noted[0].mark)
    state = Condition.of(service.status).as_state
    if state in ("stopped", "failed") and coolify.is_settling(since):
        state = "deploying"
    details: dict[str, Any] = {"coolify": service.status or "", "service": service.uuid}
    if service.addresses:
        details["addresses"] = service.addresses
    set_now = variables.value(_name(coolify))
    if noted and set_now != noted[0].version:
        details["set"] = f"{_name(coolify)} is {set_now}, and the service was not started with it"
    earlier = [variable.recorded(each.version) for each in noted[1:]]
    return Status(state=state, release=release, since=since, details=details, earlier=earlier)


def deploy(coolify: Coolify, service: Service, release: Release, progress: Progress) -> Deployed:
    """Set the variable, start the service, and follow it as far as Coolify tells."""
    variables = Variables(coolify, service)
    version = variable.checked(release.version or variables.value(_name(coolify)) or "")
    now = _release(coolify, service, variables)
    same = now is not None and now.version == version and version == release.version != "latest"
    running = Condition.of(service.status).state == "running"
    if same and running and not release.force and not variables.differing(coolify.variables):
        return Deployed(version=version, revision=version, changed=False)
    # A start takes the image that the server has; what may have moved is pulled.
    pull = release.force or coolify.options.force or version == "latest"
    return _put_in_service(coolify, service, version, progress, pull=pull)


def roll_back(coolify: Coolify, service: Service, release: Release, progress: Progress) -> Deployed:
    """Set the variable as it was, and start the service."""
    return _put_in_service(coolify, service, variable.version_back(release), progress)


def _put_in_service(
    coolify: Coolify, service: Service, version: str, progress: Progress, *, pull: bool = False
) -> Deployed:
    with progress.step("start"):
        service = _at_rest(coolify, service)
        variables = Variables(coolify, service)
        before = {_name(coolify): variables.value(_name(coolify))}
        try:
            variables.set({_name(coolify): version, **coolify.variables})
            _start(coolify, service, pull=pull)
        except BaseException:
            if _is_starting(coolify, service):
                _note(coolify, variables, version)
            else:
                variables.set(before)
            raise
        _note(coolify, variables, version)
    with progress.step("follow"):
        found = _followed(coolify, service, progress)
    if coolify.target.health_check is None:
        with progress.step("settle"):
            settle(coolify, found, progress)
    progress.line(f"{coolify.client.requests} requests to Coolify in all")
    return Deployed(version=version, revision=version)


def _at_rest(coolify: Coolify, service: Service) -> Service:
    """Return the service as it is now, which must not be on its way for somebody else."""
    now = _again(coolify, service)
    if Condition.of(now.status).state == "starting":
        message = f"{now.name} is being started, by Coolify or by another client of its API"
        raise DeploymentLockedError(message, hint="wait until it has started")
    return now


def _note(coolify: Coolify, variables: Variables, version: str) -> None:
    """Write down what was started, as soon as it is: it may be in service from now on."""
    variable.note(variables, version, coolify.client.now.isoformat(timespec="milliseconds"))


def _start(coolify: Coolify, service: Service, *, pull: bool) -> None:
    """Start the service anew with what is set."""
    path, query = "/deploy", {"uuid": service.uuid}
    if pull:
        path, query = f"/services/{segment(service.uuid)}/restart", {"latest": "true"}
    for attempt in range(1, _TRIES + 1):
        try:
            coolify.client.post(path, query=query, read_seconds=_START_SECONDS)
        except CoolifyError as error:
            if not error.perhaps_done:
                raise
            # The answer is lost; a service that is starting has heard the question.
            if _is_starting(coolify, service):
                return
            if attempt == _TRIES:
                raise
            coolify.pause()
        else:
            return


def _followed(coolify: Coolify, service: Service, progress: Progress) -> Service:
    """Look until the start command has ended, as far as Coolify tells."""
    deadline = time.monotonic() + coolify.options.timeout
    now = _again(coolify, service)
    while Condition.of(now.status).state == "starting":
        if time.monotonic() > deadline:
            hint = f"see the service in Coolify, at {coolify.options.root}"
            raise TargetError(f"{service.name} has not started after {coolify.options.timeout:g} s", hint=hint)
        coolify.pause()
        now = _again(coolify, service)
    return now


def _release(coolify: Coolify, service: Service, variables: Variables) -> Release | None:
    """Return what the ledger has, or else the version that is set, where the service was ever started."""
    noted = variable.entries(variables)
    if noted:
        return variable.recorded(noted[0].version)
    set_now = variables.value(_name(coolify))
    started = Condition.of(service.status).as_state not in ("stopped", "unknown")
    return variable.recorded(set_now) if started and set_now else None


def _again(coolify: Coolify, service: Resource) -> Service:
    found = lookup.by_uuid(coolify, service.uuid)
    if not isinstance(found, Service):
        raise TargetError(f"{service.uuid} is no service any more", hint="see Coolify")
    return found


def _is_starting(coolify: Coolify, service: Service) -> bool:
    return Condition.of(_again(coolify, service).status).state == "starting"


def _name(coolify: Coolify) -> str:
    """Return the variable that holds the version; the options see to it that a service has one."""
    return (coolify.options.version_by or "").removeprefix("env:")
