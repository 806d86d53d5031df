"""The containers of a project, as the engine tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec

from fraisier_compose.docker import Docker

_PROJECT: Final = "com.docker.compose.project"
_SERVICE: Final = "com.docker.compose.service"
_ONE_OFF: Final = "com.docker.compose.oneoff"
_NUMBER: Final = "com.docker.compose.container-number"


class Probe(msgspec.Struct, frozen=True, rename="pascal"):
    """One run of a container's own health check."""

    output: str = ""


class Healthiness(msgspec.Struct, frozen=True, rename="pascal"):
    """What an image's or a file's own health check comes to."""

    status: str = "none"
    log: list[Probe] | None = None


class ContainerState(msgspec.Struct, frozen=True, rename="pascal"):
    """Whether a container runs, and how it ended."""

    status: str = ""
    exit_code: int = 0
    error: str = ""
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    finished_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    health: Healthiness | None = None
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")


class RestartPolicy(msgspec.Struct, frozen=True, rename="pascal"):
    """When the engine starts it again."""

    name: str = ""


class HostConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine was told of it."""

    restart_policy: RestartPolicy = RestartPolicy()
    port_bindings: Mapping[str, list[Mapping[str, str]] | None] | None = None


class Config(msgspec.Struct, frozen=True, rename="pascal"):
    """What it was made of."""

    image: str = ""
    labels: Mapping[str, str] | None = None


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """Where it is reached."""

    ports: Mapping[str, list[Mapping[str, str]] | None] | None = None


class Container(msgspec.Struct, frozen=True, rename="pascal"):
    """One container of `docker inspect`."""

    id: str
    name: str
    image: str
    """The id of its image."""
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    state: ContainerState
    config: Config
    host_config: HostConfig
    network_settings: NetworkSettings = NetworkSettings()
    restart_count: int = 0

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.config.labels or {}

    @property
    def service(self) -> str:
        """The service that it belongs to."""
        return self.labels.get(_SERVICE, "")

    @property
    def number(self) -> int:
        """Its number among the service's replicas."""
        text = self.labels.get(_NUMBER, "")
        return int(text) if text.isdigit() else 0

    @property
    def title(self) -> str:
        """Its name without a slash."""
        return self.name.removeprefix("/")

    @property
    def short_title(self) -> str:
        """Its service and number, as Compose shows replicas."""
        return f"{self.service}-{self.number}"

    @property
    def health(self) -> str:
        """`none`, `starting`, `healthy` or `unhealthy`."""
        return (self.state.health.status if self.state.health else "") or "none"

    @property
    def ports(self) -> list[str]:
        """The ports that it publishes, as `127.0.0.1:8000->80/tcp`."""
        found = []
        for inside, bindings in (self.network_settings.ports or {}).items():
            found += [f"{each.get('HostIp', '')}:{each.get('HostPort', '')}->{inside}" for each in bindings or []]
        return sorted(found)

    @property
    def is_done(self) -> bool:
        """Whether it was to run once and has ended well."""
        return self.state.status == "exited" and self.state.exit_code == 0 and self.runs_once

    @property
    def runs_once(self) -> bool:
        """Whether it looks like a job: nothing starts it again, it publishes nothing, nobody checks its health."""
        restarts = self.host_config.restart_policy.name not in ("", "no", "on-failure")
        return not (restarts or self.host_config.port_bindings or self.state.health)

    @property
    def failure(self) -> str:
        """Why it cannot become healthy any more, or an empty text."""
        state = self.state
        if state.status == "exited" and not self.is_done:
            killed = ", having no memory left" if state.oom_killed else ""
            return f"exited with code {state.exit_code}{killed}"
        if state.status in ("created", "dead", "removing") and state.error:
            return state.error
        if state.status == "running" and self.health == "unhealthy":
            return f"is unhealthy{self._last_probe}"
        return ""

    @property
    def _last_probe(self) -> str:
        probes = (self.state.health.log if self.state.health else None) or []
        said = " ".join(probes[-1].output.split())[:200] if probes else ""
        return f": {said}" if said else ""

    @property
    def sentence(self) -> str:
        """Its state in a few words."""
        health = f" ({self.health})" if self.health != "none" else ""
        code = f" with code {self.state.exit_code}" if self.state.status == "exited" else ""
        restarts = f", restarted {self.restart_count} times" if self.restart_count else ""
        ports = f", {', '.join(self.ports)}" if self.ports else ""
        return f"{self.state.status}{code}{health}{restarts}{ports}"


def of_project(
    docker: Docker, project: str, services: Sequence[str] | None = None, timeout: float | None = None
) -> list[Container]:
    """Return the containers of a project, or of some of its services, in order of service and number."""
    words = ["ps", "--all", "--quiet", "--no-trunc"]
    words += ["--filter", f"label={_PROJECT}={project}", "--filter", f"label={_ONE_OFF}=False"]
    listed = docker.engine("cannot list the containers", *words, timeout=timeout)
    found = inspect(docker, listed.text.split(), timeout)
    if services is not None:
        found = [each for each in found if each.service in services]
    return sorted(found, key=lambda each: (each.service, each.number, each.created))


def inspect(docker: Docker, ids: Sequence[str], timeout: float | None = None) -> list[Container]:
    """Return containers by their ids; one that has gone meanwhile is left out."""
    if not ids:
        return []
    found = docker.try_engine("container", "inspect", *ids, timeout=timeout)
    if not found.stdout.strip():
        docker.engine("cannot look at the containers", "container", "inspect", *ids)
    return msgspec.json.decode(found.stdout, type=list[Container])
