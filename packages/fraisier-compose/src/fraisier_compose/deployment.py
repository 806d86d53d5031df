"""Putting a release in service, forwards or back, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fraisier import Deployed, Progress, Release, Target, TargetError

from fraisier_compose import compose_file, containers, images, logs, ports, waiting
from fraisier_compose.compose_file import ComposeFile
from fraisier_compose.containers import Container
from fraisier_compose.in_service import Present
from fraisier_compose.labels import Labels, Recorded
from fraisier_compose.project import Project
from fraisier_compose.reference import DIGEST, Reference, at
from fraisier_compose.waiting import FailedContainersError

LOG_LINES = 50


def deploy(target: Target, project: Project, release: Release, progress: Progress) -> Deployed:
    """Pull or build the version, pin it, and replace the containers unless they have it already."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        guarded = beside.submit(project.guard, target)
        file = project.file_with(release.version)
        guarded.result()
        looked = beside.submit(project.look)
        references = _references(project, file, release.version)
        pinned = _provide(project, file, references, release.version, progress)
    present = Present(looked.result())
    first = references[project.options.services[0]]
    version = release.version or first.tag or first.digest
    recorded = Recorded.new(version, {service: each.name for service, each in pinned.items()})
    if not release.force and _is_in_service(present, file, recorded, file.configuration(project.options)):
        return _deployed(recorded, present.containers, changed=False)
    replaced = [each for each in _good(project, present) if each.revision != recorded.revision]
    return _put_in_service(target, project, file, present, recorded, replaced, progress, force=release.force)


def roll_back(target: Target, project: Project, release: Release, progress: Progress) -> Deployed:
    """Put a release in service that was before: its images are on the engine still, or are pulled by digest."""
    recorded = _recorded(project, release)
    file = project.file_with(recorded.version)
    project.guard(target)
    _bring(project, file, recorded, progress)
    present = Present(project.look())
    if _is_in_service(present, file, recorded, file.configuration(project.options)):
        return _deployed(recorded, present.containers, changed=False)
    known = [each.revision for each in present.replaced]
    older = known.index(recorded.revision) + 1 if recorded.revision in known else 0
    replaced = [each for each in present.replaced[older:] if each.revision != recorded.revision]
    # The same release may have been put in service with other variables, or by hand.
    return _put_in_service(target, project, file, present, recorded, replaced, progress, force=True)


def _good(project: Project, present: Present) -> list[Recorded]:
    """Return what has been in service, newest first, without one that has failed."""
    now = present.recorded(project.docker)
    return [*([now] if now and present.state in ("running", "stopped") else []), *present.replaced]


def _references(project: Project, file: ComposeFile, version: str | None) -> dict[str, Reference]:
    return {
        service: compose_file.image_of(project.options, file, service, version)
        for service in project.options.services
    }


def _provide(
    project: Project,
    file: ComposeFile,
    references: Mapping[str, Reference],
    version: str | None,
    progress: Progress,
) -> dict[str, images.Pinned]:
    """Get the image of every service to the engine, each one once."""
    options, docker = project.options, project.docker
    platforms = {service: file.services[service].platform for service in references}
    if options.build:
        if any(each.digest for each in references.values()):
            raise TargetError("a digest cannot be built", hint="name a tag, or set build: false")
        with progress.step("build"):
            variables = project.variables(version) if version is not None else {}
            pinned = images.build(docker, options, references, variables, progress)
    else:
        with progress.step("pull"):
            had: dict[tuple[str, str], images.Pinned] = {}
            for service, reference in references.items():
                key = (str(reference), platforms[service])
                had[key] = had.get(key) or images.pull(docker, options, reference, platforms[service], progress)
            pinned = {service: had[str(each), platforms[service]] for service, each in references.items()}
    images.refuse_foreign(pinned, platforms, project.engine.platform)
    return pinned


def _bring(project: Project, file: ComposeFile, recorded: Recorded, progress: Progress) -> None:
    """Have the images of a release on the engine; those that are gone are asked for by their digest."""
    names = sorted(set(recorded.images.values()))
    here = images.found(project.docker, names)
    for service, name in recorded.images.items():
        if name in here:
            continue
        reference = Reference.of(name)
        if not reference.repository:
            raise TargetError(
                f"the image {name[:19]} of {service} is not on the engine any more",
                hint="build it: fraisier deploy",
            )
        with progress.step("pull"):
            platform = file.services[service].platform
            here[name] = images.pull(project.docker, project.options, reference, platform, progress).image


def _recorded(project: Project, release: Release) -> Recorded:
    """Return the release to go back to; what was recorded may come from anywhere, and is held to its form."""
    services, revision = project.options.services, release.revision or ""
    given = release.details.get("images")
    if given is None and DIGEST.fullmatch(revision) and len(services) == 1:
        # Known by its digest alone, as from another tool's records.
        repository = compose_file.image_of(project.options, project.file, services[0], None).repository
        given = {services[0]: at(repository, revision)}
    named = isinstance(given, Mapping) and all(
        isinstance(given.get(each), str) and Reference.of(given[each]).digest for each in services
    )
    if named and isinstance(given, Mapping):
        found = Recorded.new(release.version or revision, {each: given[each] for each in services})
        if found.revision == revision:
            return found
    hint = "deploy it: fraisier deploy --version V"
    raise TargetError(f"no release of {', '.join(services)} is recorded as {revision or 'nothing'}", hint=hint)


def _is_in_service(present: Present, file: ComposeFile, recorded: Recorded, configuration: str) -> bool:
    """Tell whether every container has this release, and as many run as the file asks for."""
    labels = present.labels
    if labels is None or labels.recorded.images != recorded.images or labels.configuration != configuration:
        return False
    if present.drift:
        return False
    counts = [
        sum(
            each.service == service and (each.is_done or each.state.status == "running")
            for each in present.containers
        )
        >= file.services[service].replicas
        for service in recorded.images
    ]
    jobs_only = all(each.is_done for each in present.containers)
    return all(counts) and (present.state == "running" or (present.state == "stopped" and jobs_only))


def _put_in_service(
    target: Target,
    project: Project,
    file: ComposeFile,
    present: Present,
    recorded: Recorded,
    replaced: Sequence[Recorded],
    progress: Progress,
    *,
    force: bool,
) -> Deployed:
    """Write the override, replace the containers, wait for them, and keep the images for the way back."""
    options, docker = project.options, project.docker
    replaced = replaced[: options.keep_images - 1]
    labels = {
        service: Labels.new(
            target, recorded, file.services[service].replicas, file.configuration(options), replaced
        )
        for service in recorded.images
    }
    ports.refuse_taken(project, file, present.containers)
    variables = {
        **project.override.write(labels, options.environment),
        **project.variables(recorded.version),
    }
    project.guard(target)
    try:
        with progress.step("up"):
            docker.compose(
                f"cannot start {', '.join(options.services)}",
                *("--progress", "plain", "up", "--detach", "--no-build", "--pull"),
                *("never" if options.pull == "never" else "missing", *_flags(project, file, present, force=force)),
                *options.services,
                variables=variables,
                override=project.override.path,
                timeout=options.wait_timeout + (options.stop_timeout or 10) + options.deadlines.pull,
                on_line=progress.line,
            )
        with progress.step("wait"), ThreadPoolExecutor(max_workers=1) as beside:
            unwanted = beside.submit(_keep, project, file, recorded, replaced)
            watch = target.health_check is None
            started = waiting.wait(docker, project.look(), options.wait_timeout, watch=watch, progress=progress)
    except TargetError as error:
        raise _explained(project, error) from error
    try:
        images.remove(docker, unwanted.result())
    except TargetError as error:
        # The release is in service all the same.
        progress.line(error.message)
    project.remember(started)
    return _deployed(recorded, started, changed=True)


def _keep(project: Project, file: ComposeFile, recorded: Recorded, replaced: Sequence[Recorded]) -> list[str]:
    """Keep the images of these releases for the way back, and return which others nobody needs any more."""
    scope = f"{project.name}/{'+'.join(project.options.services)}"
    repositories = {service: each.repository for service, each in _references(project, file, None).items()}
    in_service = {name: repositories[service] for service, name in recorded.images.items()}
    kept = [name for each in [recorded, *replaced] for name in each.images.values()]
    return images.keep(project.docker, scope, in_service, kept, repositories.values())


def _flags(project: Project, file: ComposeFile, present: Present, *, force: bool) -> list[str]:
    """Return the options of `up` that depend on what runs now."""
    options = project.options
    found = ["--force-recreate"] if force else []
    if options.stop_timeout is not None:
        found += ["--timeout", str(options.stop_timeout)]
    if options.remove_orphans:
        found.append("--remove-orphans")
    for service in options.services:
        if (number := _replicas(file, present, service)) != file.services[service].replicas:
            found += ["--scale", f"{service}={number}"]
    return found


def _replicas(file: ComposeFile, present: Present, service: str) -> int:
    """Return how many containers there are to be: no fewer than now, unless the file has come to ask for fewer."""
    wanted = file.services[service].replicas
    running = sum(each.service == service for each in present.running)
    asked_before = present.replicas(service)
    return wanted if asked_before is not None and wanted < asked_before else max(wanted, running)


def _explained(project: Project, error: TargetError) -> TargetError:
    """Return an error with the exit codes and the last log lines of the containers that failed."""
    if isinstance(error, FailedContainersError):
        failed = list(error.failed)
    else:
        everything = containers.of_project(project.docker, project.name)
        failed = [each for each in everything if each.failure]
    told = [f"{each.title}: {each.failure or each.sentence}" for each in failed]
    log = logs.read(project.docker, failed, LOG_LINES) or error.log
    return TargetError(error.message, hint=error.hint, problems=told, command=error.command, log=log)


def _deployed(recorded: Recorded, found: Sequence[Container], *, changed: bool) -> Deployed:
    details: dict[str, Any] = {"images": dict(recorded.images), "containers": [each.title for each in found]}
    return Deployed(version=recorded.version, revision=recorded.revision, details=details, changed=changed)
