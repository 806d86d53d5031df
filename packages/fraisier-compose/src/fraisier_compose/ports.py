"""The ports of the engine's host that the services publish: free, or ours already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from fraisier import TargetError

from fraisier_compose.compose_file import ComposeFile, Port
from fraisier_compose.containers import Container
from fraisier_compose.project import Project

_TIMEOUT: Final = 2.0
_EVERYWHERE: Final = ("", "0.0.0.0", "::")  # noqa: S104 - what a port is compared with


def taken(project: Project, file: ComposeFile, containers: Sequence[Container]) -> list[str]:
    """Return the ports that somebody else has, as sentences.

    They are tried by connecting from where the engine is: what is not Docker's can have them as well.

    Args:
        project: whose engine.
        file: what it publishes.
        containers: those of the services, as they run now.
    """
    ours = {binding for each in containers for binding in _bound(each.ports)}
    found = []
    for service in project.options.services:
        for port in file.services[service].ports:
            if port.protocol != "tcp" or not port.published.isdigit() or int(port.published) in ours:
                continue
            if _answers(project, port):
                found.append(f"port {port.published} of {service} is taken by something else")
    return found


def refuse_taken(project: Project, file: ComposeFile, containers: Sequence[Container]) -> None:
    """Raise TargetError where a port is taken, while what is in service is untouched."""
    if found := taken(project, file, containers):
        raise TargetError(found[0], hint="see what has it: docker ps; ss -ltnp", problems=found)


def _answers(project: Project, port: Port) -> bool:
    host = "127.0.0.1" if port.host_ip in _EVERYWHERE else port.host_ip
    with suppress(OSError):
        project.docker.reach.connect(host, int(port.published), _TIMEOUT).close()
        return True
    return False


def _bound(ports: list[str]) -> set[int]:
    """Return the numbers of ports that a container publishes, from `ADDRESS:NUMBER->INSIDE`."""
    numbers = (each.partition("->")[0].rpartition(":")[2] for each in ports)
    return {int(number) for number in numbers if number.isdigit()}
