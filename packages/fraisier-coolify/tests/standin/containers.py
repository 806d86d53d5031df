"""What runs on the servers, and what Coolify tells of it: late, and out of its database."""

from __future__ import annotations

from .sources import Behaviour
from .world import Application, Container, Service, Variable, World


def started(
    world: World, name: str, image: str, version: str, behaves: Behaviour, words: tuple[str, ...]
) -> Container:
    """Start a container, which says so in its log and then does what its version does."""
    container = Container(image, version, healthy=behaves == "healthy", words=words)
    say(world, container, f"starting {name} {version}")
    if behaves in ("crashes", "restarts"):
        say(world, container, "Error: this version is broken")
        container.state = "exited" if behaves == "crashes" else "restarting"
    else:
        say(world, container, f"serving {name} {version}")
    return container


def say(world: World, container: Container, line: str) -> None:
    """Write a line to the log of a container."""
    container.log.append((world.clock.now, line))


def settings_of(variables: list[Variable]) -> tuple[str, ...]:
    """Return the variables that a production container sees, as `NAME=value`."""
    return tuple(f"{each.key}={each.value or ''}" for each in variables if each.is_runtime and not each.is_preview)


def state_of(container: Container | None, *, checked: bool) -> str:
    """Return `state:health` of a container; only one with a health check can be healthy."""
    if container is None or container.state == "exited":
        return "exited:unhealthy"
    if container.state == "restarting":
        return "restarting:unknown"
    if not checked:
        return "running:unknown"
    return "running:healthy" if container.healthy else "running:unhealthy"


def settle(world: World, application: Application) -> None:
    """Have the status of an application become true, some time from now."""

    def look() -> None:
        checked = bool(application.columns["health_check_enabled"])
        application.status = state_of(application.container, checked=checked)

    world.clock.later(world.pace.settle, look)


def settle_service(world: World, service: Service) -> None:
    """Have the status of a service become true, some time from now."""

    def look() -> None:
        told = {state_of(part.container, checked=True) for part in service.parts}
        if told == {"exited:unhealthy"} or not told:
            service.status = "exited"
        else:
            service.status = told.pop() if len(told) == 1 else "degraded:unhealthy"

    world.clock.later(world.pace.settle, look)
