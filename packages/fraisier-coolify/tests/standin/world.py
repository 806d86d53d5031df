"""The state of a Coolify server: teams, tokens, servers, projects, what runs, and the rows of deployments."""

from __future__ import annotations

import random
import string
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from .clock import Clock
from .sources import Registry, Repository
from .versions import Version

Kind = Literal["nixpacks", "railpack", "static", "dockerfile", "dockercompose", "dockerimage"]
ABILITIES = ("read", "read:sensitive", "write", "write:sensitive", "deploy", "root")


@dataclass
class Pace:
    """How long things take, in seconds of the stand-in's clock."""

    pick_up: float = 0.004
    """From `in_progress` until a worker writes the first line."""
    resolve: float = 0.004
    """Until `HEAD` becomes a commit."""
    build: float = 0.008
    """To build or to pull."""
    start: float = 0.008
    """To start the new container and to wait for its health."""
    tail: float = 0.01
    """From the final status until the last lines and `finished_at` are written."""
    settle: float = 0.02
    """From a change of containers until `status` tells of it."""
    request: float = 0.0
    """Each request; with the clock held, a deployment then takes so many requests, however slow the machine is."""


@dataclass
class Team:
    id: int
    name: str


@dataclass
class Token:
    """A token as its owner copied it: `text` holds the number, the pipe and the secret."""

    text: str = field(repr=False)
    team: Team
    user: str = "alice"
    abilities: frozenset[str] = frozenset({"root"})
    role: Literal["owner", "admin", "member", "left"] = "owner"
    expired: bool = False

    def can(self, ability: str) -> bool:
        """Tell whether it has an ability; none of them includes another, except that root has all."""
        return not {ability, "root"}.isdisjoint(self.abilities)


@dataclass
class Server:
    id: int
    uuid: str
    name: str
    team: Team
    ip: str = "203.0.113.7"
    concurrent_builds: int = 2
    queue_limit: int = 25
    dynamic_timeout: int = 3600
    is_reachable: bool = True
    is_usable: bool = True


@dataclass
class Environment:
    id: int
    uuid: str
    name: str


@dataclass
class Project:
    id: int
    uuid: str
    name: str
    team: Team
    environments: list[Environment] = field(default_factory=list)


@dataclass
class Variable:
    """A row of environment variables."""

    uuid: str
    key: str
    value: str | None
    is_preview: bool = False
    is_literal: bool = False
    is_multiline: bool = False
    is_shown_once: bool = False
    is_runtime: bool = True
    is_buildtime: bool = True
    comment: str | None = None
    created: float = 0.0
    updated: float = 0.0


@dataclass
class Container:
    """What really runs, whatever Coolify tells of it."""

    image: str
    version: str
    state: Literal["running", "exited", "restarting"] = "running"
    healthy: bool = True
    words: tuple[str, ...] = ()
    """What it answers besides its name: all that may be called its version, and its variables."""
    log: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=20_000))


@dataclass
class Application:
    """An application; `columns` are what the API reads and writes under their own names."""

    id: int
    uuid: str
    team: Team
    environment: Environment
    server: Server
    columns: dict[str, Any]
    settings: dict[str, Any]
    tags: set[str] = field(default_factory=set)
    variables: list[Variable] = field(default_factory=list)
    status: str = "exited:unhealthy"
    """As it stands in the database: now and then without a health."""
    container: Container | None = None
    images: dict[str, float] = field(default_factory=dict)
    """The tags kept on the server, and when each was built."""
    built_with: str = ""
    """The build settings of the last success."""
    created: float = 0.0
    updated: float = 0.0

    @property
    def name(self) -> str:
        return str(self.columns["name"])

    @property
    def kind(self) -> Kind:
        kind: Kind = self.columns["build_pack"]
        return kind


@dataclass
class Part:
    """One container of a service, which the API calls an application of it."""

    uuid: str
    name: str
    container: Container | None = None
    fqdn: str | None = None


@dataclass
class Service:
    """A stack: compose text, variables, and the containers of it."""

    id: int
    uuid: str
    name: str
    team: Team
    environment: Environment
    server: Server
    compose: str
    description: str | None = None
    tags: set[str] = field(default_factory=set)
    variables: list[Variable] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    status: str = "exited"
    starting: bool = False
    pulled: dict[str, str] = field(default_factory=dict)
    """The images kept on the server, by name and tag, and the digest of each."""
    created: float = 0.0
    updated: float = 0.0


@dataclass
class Deployment:
    """A row of the deployment queue."""

    id: int
    uuid: str
    application: Application
    server: Server
    commit: str
    created: float
    updated: float
    status: str = "queued"
    pull_request_id: int = 0
    force_rebuild: bool = False
    rollback: bool = False
    restart_only: bool = False
    is_api: bool = True
    """False: a person asked for it in the web interface."""
    commit_message: str | None = None
    log: list[dict[str, Any]] | None = None
    finished: float | None = None
    worker: int | None = None

    @property
    def is_open(self) -> bool:
        return self.status in ("queued", "in_progress")


class World:
    """All of it. Whoever reads or writes here holds the server's lock."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.clock = Clock()
        self.pace = Pace()
        self.registry = Registry()
        self.repositories: dict[str, Repository] = {}
        self.is_api_enabled = False
        self.allowed_ips = "0.0.0.0"
        self.rate_limit = 200
        self.teams: list[Team] = []
        self.tokens: list[Token] = []
        self.servers: list[Server] = []
        self.projects: list[Project] = []
        self.applications: list[Application] = []
        self.services: list[Service] = []
        self.deployments: list[Deployment] = []
        self._ids = count(1)
        self._random = random.Random(4)

    def id(self) -> int:
        """Return a number that no other row has."""
        return next(self._ids)

    def uuid(self) -> str:
        """Return an identifier as Coolify makes them: 24 letters and digits."""
        return "".join(self._random.choices(string.ascii_lowercase + string.digits, k=24))

    def repository(self, name: str) -> Repository:
        """Return the repository of a name, which is made if it is new."""
        return self.repositories.setdefault(name, Repository(name))
