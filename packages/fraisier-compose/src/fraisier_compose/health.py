"""One probe of the services: what the engine says of their containers, then what `health_check` says."""

from __future__ import annotations

import socket
from typing import Final

from fraisier import CommandResult, Health, Target, probe

from fraisier_compose.containers import Container
from fraisier_compose.docker import NoAnswerError
from fraisier_compose.project import Project

_SHORTEST: Final = 5.0
"""Seconds that the engine has to answer, however short a probe may take."""


def health_of(target: Target, project: Project) -> Health:
    """Probe once."""
    check = target.health_check
    found = project.look(again=False, timeout=max(_SHORTEST, check.probe_timeout) if check is not None else None)
    names = ", ".join(project.options.services)
    if not found:
        return Health(healthy=False, detail=f"there is no container of {names}", final=True)
    failed = [each for each in found if each.failure]
    if failed:
        detail = "; ".join(f"{each.title} {each.failure}" for each in failed)
        # One that is unhealthy may recover; one that has ended stays so.
        return Health(healthy=False, detail=detail, final=any(each.state.status != "running" for each in failed))
    pending = [each for each in found if not _is_well(each)]
    if pending:
        return Health(healthy=False, detail="; ".join(f"{each.title} is {each.sentence}" for each in pending))
    if check is None:
        return Health(healthy=True, detail="; ".join(f"{each.title} is {each.sentence}" for each in found))
    running = [each for each in found if each.state.status == "running"]
    return probe(check, _Inside(project, running[0] if running else found[0]))


class _Inside:
    """Reaches what the engine publishes; commands are run in a container."""

    def __init__(self, project: Project, container: Container) -> None:
        self._docker = project.docker
        self._container = container

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._docker.reach.connect(host, port, timeout)

    def run(self, command: str, timeout: float) -> CommandResult:
        # The container may have another `timeout`, or none: what overruns there ends with the container.
        words = ("exec", self._container.id, "/bin/sh", "-c", command)
        try:
            ended = self._docker.try_engine(*words, timeout=timeout)
        except NoAnswerError:
            raise TimeoutError from None
        return CommandResult(ended.exit_code, "\n".join(ended.lines))


def _is_well(container: Container) -> bool:
    return container.is_done or (container.state.status == "running" and container.health in ("none", "healthy"))
