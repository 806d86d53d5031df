"""A Coolify server that runs: what tests set up, break, step and count."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Literal

from . import stacks
from .certificate import Certificate
from .clock import Clock
from .columns import DEFAULTS, SETTINGS
from .containers import say
from .faults import Fault
from .listener import Listener
from .request import Request
from .server import Api, handler
from .sites import site
from .sources import Behaviour
from .versions import NEWEST, Version
from .world import (
    ABILITIES,
    Application,
    Deployment,
    Environment,
    Kind,
    Pace,
    Project,
    Server,
    Service,
    Team,
    Token,
    World,
)

VERSIONS: dict[str, Behaviour] = {"1.0.0": "healthy", "broken": "crashes", "1.1.0": "healthy"}
"""What there is of every application from the beginning: tags of its image, or commits of its repository, to which
branches of the same names point as well. A variable whose value is `broken` breaks an application too."""


class Coolify:
    """A server of one version with a team, a token of all abilities, a machine, and a project `shop`.

    `with Coolify("4.2.0") as coolify:` listens on a free port of 127.0.0.1 and ends with all that it has started.

    Args:
        version: what it says it is, and behaves like.
        port: where to listen; 0 takes a free port.
        certificate: serves over TLS where there is one.
        rate_limit: requests a minute for each user; Coolify's own default is 200.
    """

    def __init__(
        self,
        version: str = NEWEST,
        *,
        port: int = 0,
        certificate: Certificate | None = None,
        rate_limit: int = 10_000,
    ) -> None:
        self.world = World(Version(version))
        self.world.rate_limit = rate_limit
        self.world.is_api_enabled = True
        self._api = Api(self.world)
        context = certificate.context() if certificate else None
        self._listener = Listener(handler(self._api), port, context)
        self._sites: dict[str, Listener] = {}
        self.url = self._listener.url
        """The address as in `fraises.yaml`, without `/api/v1`."""
        self.team = self.add_team("shop team")
        self.token = self.add_token()
        self.server = self.add_server("web-1")
        self.project = self.add_project("shop")

    def __enter__(self) -> Coolify:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.ended.set()
        for each in [self._listener, *self._sites.values()]:
            each.stop()
        if self._api.defects:
            raise ExceptionGroup("the stand-in has defects", self._api.defects)

    # What there is.

    @property
    def clock(self) -> Clock:
        """The server's clock; step it with `step`."""
        return self.world.clock

    @property
    def pace(self) -> Pace:
        """How long deployments take: set `pace.build = 3600` and one stays under way until `step(3600)`."""
        return self.world.pace

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first; clear it to count anew."""
        return self._api.requests

    def asked(self, route: str) -> list[Request]:
        """Return the requests of one route, such as `POST /deploy`."""
        return [each for each in self.requests if each.route == route]

    def add_team(self, name: str) -> Team:
        """Add a team."""
        team = Team(len(self.world.teams), name)
        self.world.teams.append(team)
        return team

    def add_token(
        self,
        *abilities: str,
        team: Team | None = None,
        user: str = "alice",
        role: Literal["owner", "admin", "member", "left"] = "owner",
    ) -> str:
        """Make a token with just these abilities, or with all that a deployer needs, and return its text."""
        assert set(abilities) <= set(ABILITIES), abilities
        given = frozenset(abilities or ("read", "read:sensitive", "write", "deploy"))
        number = len(self.world.tokens) + 1
        text = f"{number}|{self.world.uuid()}{self.world.uuid()}"
        self.world.tokens.append(Token(text, team or self.team, user, given, role))
        return text

    def expire(self, token: str) -> None:
        """Make a token one that has expired, or was revoked."""
        next(each for each in self.world.tokens if each.text == token).expired = True

    def add_server(self, name: str, *, team: Team | None = None) -> Server:
        """Add a machine."""
        server = Server(self.world.id(), self.world.uuid(), name, team or self.team)
        self.world.servers.append(server)
        return server

    def add_project(self, name: str, *environments: str, team: Team | None = None) -> Project:
        """Add a project with its environments, by default `production`."""
        made = Project(self.world.id(), self.world.uuid(), name, team or self.team)
        for each in environments or ("production",):
            made.environments.append(Environment(self.world.id(), self.world.uuid(), each))
        self.world.projects.append(made)
        return made

    def add_application(
        self,
        kind: Kind = "dockerimage",
        name: str = "shop-api",
        *,
        project: Project | None = None,
        environment: str | None = None,
        server: Server | None = None,
        team: Team | None = None,
        tags: tuple[str, ...] = (),
        **columns: Any,
    ) -> Application:
        """Add an application that was never deployed, with `VERSIONS` in the registry or its repository.

        Its domain is a port of this machine that answers the version in service. Other keywords are columns
        (`health_check_enabled=True`) and settings (`docker_images_to_keep=1`), as Coolify names them.
        """
        world = self.world
        row = Application(
            id=world.id(),
            uuid=world.uuid(),
            team=team or self.team,
            environment=_environment(project or self.project, environment),
            server=server or self.server,
            columns=DEFAULTS | {"name": name, "build_pack": kind, "git_repository": f"acme/{name}"},
            settings={**SETTINGS},
            tags=set(tags),
            created=world.clock.now,
            updated=world.clock.now,
        )
        if kind == "dockerimage":
            row.columns |= {
                "docker_registry_image_name": f"ghcr.io/acme/{name}",
                "docker_registry_image_tag": "1.0.0",
            }
        listener = site(world, self._api.lock, name, lambda: row.container)
        self._serve(row.uuid, listener)
        if kind == "dockercompose":
            row.columns["docker_compose_domains"] = json.dumps({"web": {"domain": listener.url}})
        else:
            row.columns["fqdn"] = listener.url
        unknown = set(columns) - set(DEFAULTS) - set(SETTINGS)
        assert not unknown, f"no columns: {unknown}"
        row.columns |= {key: value for key, value in columns.items() if key in DEFAULTS}
        row.settings |= {key: value for key, value in columns.items() if key in SETTINGS}
        for version, behaves in VERSIONS.items():
            self.add_version(row, version, behaves)
        world.applications.append(row)
        return row

    def add_version(self, application: Application, name: str, behaves: Behaviour = "healthy") -> str:
        """Push an image with a tag, or a commit with a message; return how it is asked for: the tag or the SHA."""
        columns = application.columns
        if application.kind == "dockerimage":
            self.world.registry.push(columns["docker_registry_image_name"], name, behaves)
            return name
        repository = self.world.repository(columns["git_repository"])
        made = repository.commit(name, behaves, branch=columns["git_branch"])
        repository.branches[name] = [made]
        return made.sha

    def version_of(self, application: Application, name: str) -> str:
        """Return how one of `VERSIONS` is asked for: a tag, or the SHA of a commit."""
        if application.kind == "dockerimage":
            return name
        commits = self.world.repository(application.columns["git_repository"]).branches.values()
        return next(each.sha for branch in commits for each in branch if each.message == name)

    def add_service(self, name: str = "shop-stack", *, environment: str | None = None) -> Service:
        """Add a stack that was never started: `web`, whose image's tag is the variable `TAG`, and `db`."""
        world = self.world
        row = Service(
            id=world.id(),
            uuid=world.uuid(),
            name=name,
            team=self.team,
            environment=_environment(self.project, environment),
            server=self.server,
            compose="",
            created=world.clock.now,
            updated=world.clock.now,
        )
        image = f"ghcr.io/acme/{name}"
        compose = f"services:\n  web:\n    image: {image}:${{TAG:-1.0.0}}\n  db:\n    image: postgres:17\n"
        stacks.set_compose(world, row, compose)
        world.registry.push("postgres", "17")
        for version, behaves in VERSIONS.items():
            world.registry.push(image, version, behaves)
        web = row.parts[0]
        self._serve(row.uuid, site(world, self._api.lock, name, lambda: web.container))
        web.fqdn = self._sites[row.uuid].url
        world.services.append(row)
        return row

    def site(self, of: Application | Service) -> str:
        """Return the address at which an application, or a stack's `web`, answers."""
        return self._sites[of.uuid].url

    # What happens.

    def fault(self, route: str, **what: Any) -> Fault:
        """Have something go wrong: see `Fault` for what there is."""
        with self._api.lock:
            return self._api.faults.add(Fault(route, **what))

    def step(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        with self._api.lock:
            self.clock.step(seconds)
            self.clock.catch_up()

    def put_in_service(self, application: Application, version: str = "1.0.0") -> Deployment:
        """Deploy one of `VERSIONS` as somebody did before, the branch having had no later commits then."""
        asked = self.version_of(application, version)
        with self._api.lock:
            pin = application.columns["git_commit_sha"]
            if application.kind == "dockerimage":
                application.columns["docker_registry_image_tag"] = asked
            row = self.deploy(application, commit=None if application.kind == "dockerimage" else asked)
            self.step(3600)
            application.columns["git_commit_sha"] = pin
        return row

    def deploy(self, application: Application, *, commit: str | None = None, force: bool = True) -> Deployment:
        """Queue a deployment as somebody else does, in the web interface, and return its row."""
        with self._api.lock:
            self.clock.catch_up()
            uuid = self._api.queue.add(application, commit=commit, force=force).uuid
            return next(each for each in self.world.deployments if each.uuid == uuid)

    def fill_queue(self) -> None:
        """Have the machine's queue be as full as it may be, with what never ends."""
        busy = self.add_application(name="busy")
        server = self.server
        for number in range(server.concurrent_builds + server.queue_limit):
            status = "in_progress" if number < server.concurrent_builds else "queued"
            now = self.clock.now
            row = Deployment(self.world.id(), self.world.uuid(), busy, server, "HEAD", now, now, status)
            self.world.deployments.append(row)

    def empty_queue(self) -> None:
        """Forget what `fill_queue` has put there."""
        rows = self.world.deployments
        self.world.deployments = [each for each in rows if each.application.name != "busy"]

    def restart(self) -> None:
        """Restart Coolify: no open row survives it."""
        with self._api.lock:
            self.clock.catch_up()
            self._api.queue.fail_all()

    def say(self, application: Application, line: str) -> None:
        """Have the container that runs write a line to its log."""
        assert application.container is not None
        with self._api.lock:
            say(self.world, application.container, line)

    def _serve(self, uuid: str, listener: Listener) -> None:
        self._sites[uuid] = listener
        listener.start()


def _environment(project: Project, name: str | None) -> Environment:
    return next(each for each in project.environments if name in (None, each.name))
