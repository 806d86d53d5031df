"""What there is on the server, as tests put it there."""

from __future__ import annotations

import json
import threading
from typing import Any, Literal

from . import stacks
from .columns import DEFAULTS, SETTINGS
from .listener import Listener
from .sites import site
from .sources import Behaviour
from .world import ABILITIES, Application, Environment, Kind, Project, Server, Service, Team, Token, World

VERSIONS: dict[str, Behaviour] = {"1.0.0": "healthy", "broken": "crashes", "1.1.0": "healthy"}
"""What there is of every application from the beginning: tags of its image, or commits of its repository, to which
branches of the same names point as well. A variable whose value is `broken` breaks an application too."""


class Inventory:
    """Teams, tokens, servers, projects, applications and services, and the ports on which they answer."""

    def __init__(self, world: World, lock: threading.RLock) -> None:
        self.world = world
        self._lock = lock
        self._sites: dict[str, Listener] = {}
        self.team = self.add_team("shop team")
        self.token = self.add_token()
        self.server = self.add_server("web-1")
        self.project = self.add_project("shop")

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
        listener = site(world, self._lock, name, lambda: row.container)
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
        self._serve(row.uuid, site(world, self._lock, name, lambda: web.container))
        web.fqdn = self._sites[row.uuid].url
        world.services.append(row)
        return row

    def site(self, of: Application | Service) -> str:
        """Return the address at which an application, or a stack's `web`, answers."""
        return self._sites[of.uuid].url

    def close(self) -> None:
        """End the ports of the applications."""
        for each in self._sites.values():
            each.stop()

    def _serve(self, uuid: str, listener: Listener) -> None:
        self._sites[uuid] = listener
        listener.start()


def _environment(project: Project, name: str | None) -> Environment:
    return next(each for each in project.environments if name in (None, each.name))
