"""The models that cross the border between core and a provider. Frozen, typed, public.

Times are aware datetimes in UTC, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from fraisier.contract.session import Session

JSON = Any
"""A value that JSON can hold."""

UTC = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment that knows its zone."""


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `health_check` in `fraises.yaml` says: exactly one of `url`, `tcp` and `command`.

    `expect_body` may hold `{version}` and `{revision}`; core puts the expected release's in before a provider
    sees it.
    """

    url: str | None = None
    """`http://` or `https://` address, asked from where the service runs."""
    tcp: str | None = None
    """`host:port` that must accept a connection."""
    command: str | None = None
    """Shell command that must exit 0, run where the service runs."""
    timeout: float = 30.0
    """Seconds for the service to become healthy after a deploy."""
    probe_timeout: float = 5.0
    """Seconds that one probe may take."""
    expect_status: int = 200
    """The status that `url` must answer; redirects are not followed."""
    expect_body: str | None = None
    """Text that the answer of `url`, or the output of `command`, must contain."""

    def __post_init__(self) -> None:
        kinds = [name for name in ("url", "tcp", "command") if getattr(self, name) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else "none"
            raise ValueError(f"expected exactly one of url, tcp and command, got {found}")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("expected url to start with http:// or https://")
        if self.url is not None and not _has_host_and_port(self.url):
            raise ValueError("expected url to name a host, and a port between 1 and 65535 if any")
        if self.command is not None and not self.command.strip():
            raise ValueError("expected command to be a line of shell")
        if self.tcp is not None:
            host, _, port = self.tcp.rpartition(":")
            if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("expected tcp to be host:port")
        if self.tcp is not None and self.expect_body is not None:
            raise ValueError("expect_body needs url or command")
        if not 0 < self.timeout <= 86400 or not 0 < self.probe_timeout <= 3600:
            raise ValueError("expected timeout and probe_timeout to be seconds above 0")

    def expecting(self, version: str | None, revision: str | None) -> HealthCheck:
        """Return this check with `{version}` and `{revision}` in `expect_body` filled in."""
        if self.expect_body is None or "{" not in self.expect_body:
            return self
        body = self.expect_body.replace("{version}", version or "").replace("{revision}", revision or "")
        return msgspec.structs.replace(self, expect_body=body)


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One fraise in one environment, as a provider gets it."""

    fraise: str
    environment: str
    provider: str
    options: Mapping[str, Any]
    """The mapping under `config`, with every reference resolved to a `Secret`; see `read_options`."""
    folder: Path
    """Where `fraises.yaml` stands; relative paths in it start here."""
    session: Session
    """Holds the connections of this operation, for all of its hooks."""
    health_check: HealthCheck | None = None
    """How to probe; None where `fraises.yaml` does not say."""
    deployment_id: str = ""
    """The public id of the deployment that runs, to be written on the target; empty outside of one."""
    version: str | None = None
    """The version that is asked for, so that `pre_flight` can look whether there is one; None: none is named."""
    user: str = ""
    """Who deploys, as `user@host`."""
    verbose: bool = False
    """Whether lines that are usually too much are wanted too."""

    @property
    def identifier(self) -> str:
        """The business key, `fraise:environment`."""
        return f"{self.fraise}:{self.environment}"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What to put in service, or to go back to."""

    version: str | None = None
    """As asked: a tag, a branch, a SHA, an image tag; None means the provider's default."""
    revision: str | None = None
    """Immutable: a commit SHA, an image digest; None as long as it is not resolved."""
    details: Mapping[str, JSON] = {}
    """What the provider recorded in `Deployed.details` when it put this release in service."""
    force: bool = False
    """Put it in service again even if it already is."""


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider has put in service."""

    version: str
    """As asked, or the name of what the provider's default turned out to be."""
    revision: str
    """What that version means, once and for all: a commit SHA, an image digest."""
    details: Mapping[str, JSON] = {}
    """What this provider needs to come back here from another process on another day. No secrets: what looks
    like one is masked before it is recorded."""
    changed: bool = True
    """False: this release already was in service and nothing was done."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of `pre_flight`."""

    name: str
    """What was looked at, in a word or two."""
    passed: bool
    detail: str = ""
    """What was found, and what was wanted."""
    hint: str = ""
    """The next command to run, when it did not pass."""
    required: bool = True
    """False: a failure is a warning and does not stop the deployment."""


State = Literal["running", "stopped", "failed", "deploying", "unknown"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a target tells about itself."""

    state: State
    """`stopped`: nothing is in service, or it was told to stop. `failed`: it ended or broke unasked. `deploying`:
    it is on its way in or out. `unknown`: the target does not tell."""
    release: Release | None = None
    """What is in service as the target itself tells, with all that `rollback` needs to come back to it."""
    since: UTC | None = None
    """Since when it is in that state."""
    details: Mapping[str, JSON] = {}
    """What else is worth showing: addresses, pids, containers."""
    earlier: list[Release] = []
    """Releases that were in service before, newest first, as far as the target can tell."""
    proven: bool = True
    """False: the target knows that what is in service was not found healthy when it was deployed. A deployment
    that fails then goes back to one of `earlier`, where there is any."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one probe."""

    healthy: bool
    detail: str = ""
    """What was found and what was wanted: `got 301 from http://127.0.0.1:8000/health, want 200`."""
    latency_seconds: float | None = None
    """How long the probe took."""
    final: bool = False
    """True: no later probe can be healthy (the process is gone), so core stops waiting."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a deployment, as recorded."""

    name: str
    seconds: float
    status: Literal["running", "success", "failed"]


DeploymentStatus = Literal["running", "success", "unchanged", "failed", "rolled_back", "interrupted"]


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to change what is in service, as recorded, printed by `--json` and handed to plugins."""

    id: str
    identifier: str
    """`fraise:environment:number`, counted per target."""
    kind: Literal["deploy", "rollback"]
    fraise: str
    environment: str
    provider: str
    status: DeploymentStatus
    """`unchanged`: it was in service already. `rolled_back`: it failed, and the version before is back."""
    version: str | None
    """As asked; once it is resolved, as the provider named it."""
    revision: str | None
    previous_version: str | None
    """What was in service before, as the target told."""
    previous_revision: str | None
    started_at: UTC
    finished_at: UTC | None
    duration_seconds: float | None
    user: str
    """Who, as `user@host`."""
    error: Mapping[str, JSON] | None
    """`kind`, `code`, `message`, `problems`, and where they exist `step`, `command`, `hint` and `log`."""
    steps: list[Step]
    details: Mapping[str, JSON] = {}
    """As the provider returned them: what it needs to come back here, and names such as those of hosts."""
