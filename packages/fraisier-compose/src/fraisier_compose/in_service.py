"""What the containers tell of what is in service, and how that differs from what was put there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from fraisier import Status

from fraisier_compose import images
from fraisier_compose.containers import Container
from fraisier_compose.docker import Docker
from fraisier_compose.labels import Labels, Recorded
from fraisier_compose.project import Project
from fraisier_compose.reference import Reference

_TOLD_TO_STOP: Final = (0, 137, 143)
"""How a container exits that was stopped: in its own way, by SIGKILL, by SIGTERM."""
_WORST_FIRST: Final = ("failed", "stopped", "unknown", "deploying", "running")


class Present:
    """The containers of the services as they were found."""

    def __init__(self, containers: Sequence[Container]) -> None:
        self.containers = containers
        self._labels = {each.id: Labels.of(each.labels) for each in containers}
        written = [found for found in self._labels.values() if found is not None]
        # Of replicas that differ, what most of them have; the older one, since that one has proved itself.
        oldest_first = [
            found
            for each in sorted(containers, key=lambda each: each.created)
            if (found := self._labels[each.id]) is not None
        ]
        counted = Counter(each.recorded.revision for each in oldest_first)
        revision = counted.most_common(1)[0][0] if counted else None
        self.labels = next((each for each in written if each.recorded.revision == revision), None)
        """What is written on the containers."""
        self.is_mixed = len(counted) > 1
        self.running = [each for each in containers if each.state.status == "running"]

    @property
    def state(self) -> Any:
        """The state in the words of the contract: the worst of all containers; jobs that are done do not count."""
        states = [_state(each) for each in self.containers if not each.is_done]
        if not states:
            return "stopped"
        worst = min(states, key=_WORST_FIRST.index)
        return "deploying" if self.is_mixed and worst == "running" else worst

    @property
    def replaced(self) -> Sequence[Recorded]:
        """What was in service before, newest first."""
        return self.labels.replaced if self.labels else []

    def recorded(self, docker: Docker) -> Recorded | None:
        """Return the release in service: as it is written, or as the images tell where nothing is."""
        if self.labels is not None:
            return self.labels.recorded
        return _adopted(docker, self.containers)

    @property
    def drift(self) -> str:
        """How it differs from what was put in service, or an empty text."""
        found = []
        unknown = [each.title for each in self.containers if self._labels[each.id] is None]
        if unknown and self.labels is not None:
            found.append(f"{', '.join(unknown)} was not put there by fraisier")
        if self.is_mixed:
            told = {labels.recorded.version for labels in self._labels.values() if labels is not None}
            found.append(f"the containers do not have the same release: {', '.join(sorted(told))}")
        for each in self.containers:
            labels = self._labels[each.id]
            if (
                labels is not None
                and (pinned := labels.recorded.images.get(each.service, "")) != each.config.image
            ):
                found.append(f"{each.title} runs {each.config.image}, recorded is {pinned}")
        for service in sorted({each.service for each in self.containers if not each.is_done}):
            wanted = self.replicas(service) or 0
            running = sum(each.service == service for each in self.running)
            if 0 < running < wanted:
                found.append(f"{running} of {wanted} containers of {service} run")
        return "; ".join(found)

    def replicas(self, service: str) -> int | None:
        """Return how many containers of a service the file asked for when they were put in service."""
        found = [self._labels[each.id] for each in self.containers if each.service == service]
        return max((each.replicas for each in found if each is not None), default=None)


def status_of(project: Project) -> Status:
    """Return what is in service, with all that it takes to come back to it."""
    present = Present(project.look(again=False))
    recorded = present.recorded(project.docker)
    details: dict[str, Any] = {"project": project.name}
    for each in present.containers:
        details[each.title] = f"{each.sentence}, {each.config.image}"
    if drift := present.drift:
        details["drift"] = drift
    return Status(
        state=present.state,
        release=None if recorded is None else recorded.release,
        since=max((each.state.started_at for each in present.running if each.state.started_at), default=None),
        details=details,
        earlier=[each.release for each in present.replaced if recorded and each.revision != recorded.revision],
    )


def _state(container: Container) -> str:
    state = container.state
    if state.status == "exited" and state.exit_code in _TOLD_TO_STOP and not state.oom_killed:
        return "stopped"
    if container.failure:
        return "failed"
    if state.status == "running":
        return "deploying" if container.health == "starting" else "running"
    return "deploying" if state.status in ("restarting", "removing") else "stopped"


def _adopted(docker: Docker, containers: Sequence[Container]) -> Recorded | None:
    """Return the release of containers that somebody else has started, as their images tell."""
    if not containers:
        return None
    known = images.found(docker, sorted({each.image for each in containers}))
    pinned: dict[str, str] = {}
    for each in containers:
        reference = Reference.of(each.config.image)
        image = known.get(each.image)
        pinned[each.service] = images.pinned(reference, image, "").name if image is not None else each.image
    first = Reference.of(containers[0].config.image)
    return Recorded.new(first.tag or first.digest or "latest", pinned)
