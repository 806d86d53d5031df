"""What stands under `config` in `fraises.yaml` for a target of the provider `docker_compose`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import fraisier
import msgspec
from fraisier import Secret

# A line end before the end is kept out as well, which `$` alone does not; a word that begins with - is an option.
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$(?!\n)", max_length=255)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)")]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_PATH = re.compile(r"[^-\x00-\x1f\x7f][^\x00-\x1f\x7f]*")
Server = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*$(?!\n)", max_length=255)]
Address = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(ssh://([A-Za-z0-9_.][^\s@/]*@)?[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*(/[^\x00-\x20]*)?"
        r"|tcp://[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*/?|unix:///[^\x00-\x1f]+)$(?!\n)"
    ),
]
# Their form is checked below: msgspec 0.22 crashes over a union of a list and a text with a pattern.
OneOrMore = str | list[str]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]


class Registry(fraisier.Options):
    """How to log in to an image registry."""

    server: Annotated[Server, msgspec.Meta(description="As image names begin with it; docker.io for Docker Hub.")]
    username: Annotated[Line, msgspec.Meta(description="The account.")]
    password: Annotated[Secret, msgspec.Meta(description="Its password or token; a reference.")]


class Deadlines(fraisier.Options):
    """How long each part of an operation may take, in seconds."""

    connect: Seconds = 15.0
    """To reach the engine."""
    look: Seconds = 60.0
    """For each question to the engine or to Compose."""
    pull: Seconds = 600.0
    build: Seconds = 1800.0


class Options(fraisier.Options):
    """Services of a Compose project, on a Docker engine here or elsewhere."""

    compose_file: Annotated[
        OneOrMore,
        msgspec.Meta(
            examples=["docker-compose.yml"],
            description="The project's file, or several of them, of which later ones add to earlier ones. It is "
            "read and never written.",
        ),
    ]
    service_name: Annotated[
        OneOrMore,
        msgspec.Meta(
            examples=["web"],
            description="The service of that file to deploy, or several that are deployed together.",
        ),
    ]
    project_name: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$(?!\n)", max_length=63)] | None,
        msgspec.Meta(description="The Compose project; default: what Compose makes of the file and its folder."),
    ] = None
    profiles: Annotated[list[Name], msgspec.Meta(description="The profiles to enable.")] = msgspec.field(
        default_factory=list
    )
    image: Annotated[
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[a-z0-9][a-z0-9_.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9_.-]*)*$(?!\n)", max_length=255
            ),
        ]
        | None,
        msgspec.Meta(
            description="The image's repository, without a tag; default: that of the service's image in the file."
        ),
    ] = None
    version_variable: Annotated[
        Variable, msgspec.Meta(description="The variable that gives the version to the Compose file.")
    ] = "VERSION"
    env_file: Annotated[
        OneOrMore | None,
        msgspec.Meta(description="Files of variables for the Compose file; default: .env beside it."),
    ] = None
    environment: Annotated[
        dict[Variable, Secret],
        msgspec.Meta(description="Variables for the deployed services; the values are never shown."),
    ] = msgspec.field(default_factory=dict)
    docker_host: Annotated[
        Address | None,
        msgspec.Meta(
            examples=["ssh://deploy@server.example.com"],
            description="The engine: ssh://USER@HOST[:PORT][/SOCKET], tcp://HOST:PORT or unix:///SOCKET; default: "
            "as the docker command finds it.",
        ),
    ] = None
    context: Annotated[
        Name | None, msgspec.Meta(description="A context of the docker command, in place of docker_host.")
    ] = None
    registry: Annotated[
        Registry | None,
        msgspec.Meta(description="server, username and password; default: your own docker logins."),
    ] = None
    pull: Annotated[
        Literal["always", "missing", "never"],
        msgspec.Meta(description="When to ask the registry for the version: a tag may have moved."),
    ] = "always"
    build: Annotated[
        bool, msgspec.Meta(description="Build the image on the engine, as the file says, instead of pulling it.")
    ] = False
    wait_timeout: Annotated[
        Seconds, msgspec.Meta(description="Seconds for the containers to run and to become healthy.")
    ] = 120.0
    stop_timeout: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=86400)] | None,
        msgspec.Meta(
            description="Seconds for a container to stop before it is killed; default: as the file says."
        ),
    ] = None
    remove_orphans: Annotated[
        bool, msgspec.Meta(description="Remove containers of services that the file has no more.")
    ] = False
    keep_images: Annotated[
        int,
        msgspec.Meta(ge=2, description="How many releases' images to keep on the engine, for rollback."),
    ] = 5
    deadlines: Annotated[
        Deadlines, msgspec.Meta(description="Seconds that each part may take: connect, look, pull, build.")
    ] = Deadlines()

    def __post_init__(self) -> None:
        for name, given, form in (
            ("compose_file", self.files, _PATH),
            ("service_name", self.services, _NAME),
            ("env_file", self.env_files, _PATH),
        ):
            if not given and name != "env_file":
                raise ValueError(f"{name}: expected at least one")
            if len(set(given)) < len(given):
                raise ValueError(f"{name}: expected each one once")
            if wrong := [each for each in given if not form.fullmatch(each)]:
                kind = "names of services" if form is _NAME else "paths in one line, which do not begin with -"
                raise ValueError(f"{name}: expected {kind}, got {wrong[0]!r}")
        if self.docker_host is not None and self.context is not None:
            raise ValueError("expected docker_host or context, not both")
        if any("\0" in value.reveal() for value in self.environment.values()):
            raise ValueError("environment: expected no NUL character, which no variable can hold")

    @property
    def files(self) -> list[str]:
        """The compose files, as written."""
        return self.compose_file if isinstance(self.compose_file, list) else [self.compose_file]

    @property
    def env_files(self) -> list[str]:
        """The files of variables, as written."""
        given = [] if self.env_file is None else self.env_file
        return given if isinstance(given, list) else [given]

    @property
    def services(self) -> list[str]:
        """The services to deploy, as written."""
        return self.service_name if isinstance(self.service_name, list) else [self.service_name]
