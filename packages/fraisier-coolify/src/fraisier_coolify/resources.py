"""What Coolify tells of an application, of a service, and of a deployment: the fields that a provider needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from fraisier_coolify.errors import CoolifyError

S = TypeVar("S", bound=msgspec.Struct)

SETTINGS: Final = ("docker_registry_image_name", "docker_registry_image_tag", "git_branch", "git_commit_sha")
"""The settings of an application that say which version is deployed."""


class _Server(msgspec.Struct, frozen=True):
    name: str | None = None
    uuid: str | None = None


class _Destination(msgspec.Struct, frozen=True):
    server: _Server | None = None


class Application(msgspec.Struct, frozen=True):
    """An application as `GET /applications/{uuid}` has it."""

    uuid: str
    name: str
    status: str | None = None
    """`state:health`, out of Coolify's database; see `condition`."""
    build_pack: str = ""
    fqdn: str | None = None
    """Its addresses, with commas between them."""
    docker_compose_domains: str | None = None
    """Those of a compose application: JSON in a text."""
    docker_registry_image_name: str | None = None
    docker_registry_image_tag: str | None = None
    git_branch: str | None = None
    git_commit_sha: str | None = None
    dockerfile: str | None = None
    """A Dockerfile that stands in Coolify itself, and comes before the build pack."""
    health_check_enabled: bool | None = None
    custom_healthcheck_found: bool | None = None
    server_status: bool | None = None
    destination: _Destination | None = None

    @property
    def has_health_check(self) -> bool:
        """Whether Coolify looks at the health of the container."""
        return bool(self.health_check_enabled or self.custom_healthcheck_found)

    @property
    def settings(self) -> dict[str, str | None]:
        """The settings that say which version is deployed."""
        # Coolify takes no commit for none.
        return {name: getattr(self, name) for name in SETTINGS} | {"git_commit_sha": self.git_commit_sha or "HEAD"}

    @property
    def addresses(self) -> list[str]:
        """Where it is reached from outside."""
        if self.docker_compose_domains:
            return _compose_addresses(self.docker_compose_domains)
        return [each.strip() for each in (self.fqdn or "").split(",") if each.strip()]

    @property
    def server(self) -> str:
        """The name of the server that it runs on, as far as Coolify tells."""
        return ((self.destination and self.destination.server and self.destination.server.name) or "") or ""


class Part(msgspec.Struct, frozen=True):
    """A container of a service."""

    name: str
    fqdn: str | None = None


class Service(msgspec.Struct, frozen=True):
    """A service (a stack) as `GET /services/{uuid}` has it."""

    uuid: str
    name: str
    status: str | None = None
    server_status: bool | None = None
    applications: list[Part] = []

    @property
    def addresses(self) -> list[str]:
        """Where it is reached from outside."""
        return [each.fqdn for each in self.applications if each.fqdn]


Resource = Application | Service


class Row(msgspec.Struct, frozen=True):
    """A deployment as it stands in Coolify's queue."""

    deployment_uuid: str
    id: int = 0
    status: str = ""
    commit: str | None = None
    """`HEAD` until the commit is known; of an image, what `git_commit_sha` was."""
    pull_request_id: int | None = 0
    is_api: bool | None = False
    deployment_url: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    finished_at: str | None = None
    logs: str | None = None
    """JSON in a text; None too without the ability read:sensitive."""

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "in_progress")

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it; a status that is not known has not ended."""
        return self.status in ("finished", "failed", "cancelled-by-user")

    @property
    def began(self) -> datetime | None:
        """When it was queued."""
        return moment(self.created_at)

    @property
    def ended(self) -> datetime | None:
        """When it ended, as far as Coolify has written that down yet."""
        return moment(self.finished_at) or moment(self.updated_at)


def read(kind: type[S], found: Any) -> S:
    """Return what Coolify told as a struct.

    Raises:
        CoolifyError: it is something else.
    """
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        command = f"reading the answer as {kind.__name__.lower()}"
        raise CoolifyError("not_coolify", command, words=str(error).replace("`", "")) from None


def moment(text: str | None) -> datetime | None:
    """Return a time of Coolify's, which is UTC where it does not say."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _compose_addresses(text: str) -> list[str]:
    try:
        parts = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return []
    given = parts.values() if isinstance(parts, Mapping) else []
    domains = [str(each.get("domain") or "") for each in given if isinstance(each, Mapping)]
    return [address.strip() for each in domains for address in each.split(",") if address.strip()]
