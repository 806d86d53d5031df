"""What `pre_flight` looks at: each finding with the command that mends it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from fraisier import Check, FraisierError, Target

from fraisier_compose import compose_file, images, ports
from fraisier_compose.containers import Container
from fraisier_compose.failures import INSTALL_COMPOSE, failure
from fraisier_compose.labels import Labels
from fraisier_compose.options import Options
from fraisier_compose.project import Project, project_of
from fraisier_compose.reference import Reference

FREE_MIB: Final = 200
_OLDEST_COMPOSE: Final = (2, 20)
_NUMBERS: Final = re.compile(r"\d+")


def checks_of(target: Target, options: Options) -> list[Check]:
    """Return every check, in the order in which a person would mend what failed."""
    try:
        project = project_of(target, options)
    except FraisierError as error:
        return [Check(name="engine", passed=False, detail=error.message, hint=error.hint or "docker version")]
    with ThreadPoolExecutor(max_workers=4) as pool:
        file = pool.submit(_caught(lambda: project.file))
        engine = _engine(project)
        if not engine[-1].passed:
            # What Compose would say of the file can be mended at the same time, where there is a Compose.
            return [*engine, *(file.result() if engine[-1].name == "engine" else [])]
        if failed := file.result():
            return [*engine, *failed]
        looked = pool.submit(project.look)
        registry = pool.submit(lambda: list(_registry(project, target.version)))
        disk = pool.submit(lambda: _disk(project))
        found = looked.result()
        project.remember(found)
        return [
            *engine,
            *_file(project),
            _owner(target, project, found),
            *registry.result(),
            disk.result(),
            _ports(project, found),
            _health(target, project, found),
        ]


def _caught(look: Callable[[], object]) -> Callable[[], list[Check]]:
    def call() -> list[Check]:
        try:
            look()
        except FraisierError as error:
            return [Check(name="compose file", passed=False, detail=error.message, hint=error.hint)]
        return []

    return call


def _engine(project: Project) -> list[Check]:
    try:
        engine = project.engine
    except FraisierError as error:
        return [Check(name="engine", passed=False, detail=error.message, hint=error.hint or "docker version")]
    found = [Check(name="engine", passed=True, detail=f"Docker {engine.server_version} on {engine.name}")]
    version = engine.compose_version
    numbers = tuple(int(each) for each in _NUMBERS.findall(version)[:2])
    hint = INSTALL_COMPOSE
    if not version:
        detail = "the docker command here has no Compose v2"
        return [*found, Check(name="compose", passed=False, detail=detail, hint=hint)]
    wanted = ".".join(map(str, _OLDEST_COMPOSE))
    detail = f"Compose {version}" + ("" if numbers >= _OLDEST_COMPOSE else f", want {wanted} or later")
    return [*found, Check(name="compose", passed=numbers >= _OLDEST_COMPOSE, detail=detail, hint=hint)]


def _file(project: Project) -> Iterator[Check]:
    services = ", ".join(project.options.services)
    yield Check(name="compose file", passed=True, detail=f"{services} of the project {project.name}")
    unset = [each for each in project.file.warnings if "variable is not set" in each]
    unset = [each for each in unset if f'"{project.options.version_variable}"' not in each]
    if unset:
        hint = "set it in .env beside the file, or in env_file"
        yield Check(name="variables", passed=False, detail="; ".join(unset), hint=hint, required=False)


def _owner(target: Target, project: Project, found: Sequence[Container]) -> Check:
    owners = {labels.target for each in found if (labels := Labels.of(each.labels)) is not None}
    foreign = sorted(owners - {target.identifier})
    if foreign:
        detail = f"these services of the project {project.name} belong to {', '.join(foreign)}"
        hint = f"set another project_name; if {foreign[0]} was renamed: docker compose -p {project.name} down"
        return Check(name="project", passed=False, detail=detail, hint=hint)
    return Check(name="project", passed=True, detail=project.name)


def _registry(project: Project, version: str | None) -> Iterator[Check]:
    """Ask the registry, where a deployment would."""
    options, docker = project.options, project.docker
    if options.registry is not None:
        server = options.registry.server
        # Without a name: with the login that it finds, which is the one of the options.
        told = docker.try_engine("login", server)
        if told.exit_code != 0:
            error = failure(
                f"cannot log in to {server} as {options.registry.username}", "", told.lines, registry=True
            )
            yield Check(name="registry", passed=False, detail=error.message, hint="set registry.password anew")
            return
        yield Check(name="registry", passed=True, detail=f"{server} accepts {options.registry.username}")
    if options.build or options.pull == "never":
        return
    try:
        names = {str(compose_file.image_of(options, project.file, each, version)) for each in options.services}
    except FraisierError as error:
        required = version is not None
        yield Check(name="image", passed=False, detail=error.message, hint=error.hint, required=required)
        return
    for name in sorted(names):
        yield _image(project, name, version)


def _image(project: Project, name: str, version: str | None) -> Check:
    insecure = ["--insecure"] if project.engine.trusts_without_tls(Reference.of(name).registry) else []
    told = project.docker.try_engine("manifest", "inspect", *insecure, name)
    if told.exit_code == 0:
        return Check(name="image", passed=True, detail=f"{name} is in its registry")
    error = failure(f"cannot ask for {name}", f"docker manifest inspect {name}", told.lines, registry=True)
    if project.options.pull == "missing" and images.found(project.docker, [name]):
        return Check(name="image", passed=True, detail=f"{name} is on the engine")
    answered = "has no such image" in error.message
    if answered and version is None:
        return Check(name="image", passed=True, detail=f"the registry answers, and has no {name}: name a version")
    # Only the engine has to reach the registry, and it may be elsewhere.
    required = answered or "refuses" in error.message or project.docker.is_here
    return Check(name="image", passed=False, detail=error.message, hint=error.hint, required=required)


def _disk(project: Project) -> Check:
    folder = project.engine.docker_root_dir
    free = _free_mib(project, folder)
    hint = "see what takes it: docker system df; docker image prune"
    if free is None:
        return Check(name="disk space", passed=True, detail=f"{folder} cannot be looked at from here")
    detail = f"{free} MiB free in {folder}" + ("" if free >= FREE_MIB else f", want {FREE_MIB} MiB")
    return Check(name="disk space", passed=free >= FREE_MIB, detail=detail, hint=hint)


def _free_mib(project: Project, folder: str) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        if project.docker.is_here:
            free = os.statvfs(folder)
            return free.f_bavail * free.f_frsize // 1024**2
    return None


def _ports(project: Project, found: Sequence[Container]) -> Check:
    taken = ports.taken(project, project.file, found)
    hint = "see what has it: docker ps; ss -ltnp"
    return Check(name="ports", passed=not taken, detail="; ".join(taken) or "free, or ours", hint=hint)


def _health(target: Target, project: Project, found: Sequence[Container]) -> Check:
    name = "health check"
    lacking = [
        service
        for service in project.options.services
        if project.file.services[service].healthcheck is None
        and not any(each.service == service and (each.health != "none" or each.is_done) for each in found)
    ]
    if target.health_check is not None or not lacking:
        return Check(name=name, passed=True)
    detail = f"there is none for {', '.join(lacking)}: a container that stays up counts as healthy"
    hint = (
        f"add health_check to fraises.{target.fraise}.providers.{target.environment}, or healthcheck to the file"
    )
    return Check(name=name, passed=False, detail=detail, hint=hint, required=False)
