"""What stands under `config` in `fraises.yaml` for a target of the provider `bare_metal`."""

from __future__ import annotations

from typing import Annotated, Literal

import fraisier
import msgspec
from fraisier import Secret

# The ends of the patterns keep a line end out, which `$` alone does not. A name, or an address of IPv6; no port.
Host = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([A-Za-z0-9_.][A-Za-z0-9_.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$(?!\n)", max_length=255
    ),
]
Line = Annotated[str, msgspec.Meta(min_length=1)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
User = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_.@-]*$(?!\n)")]
Path = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]


class Deadlines(fraisier.Options):
    """How long each part of an operation may take, in seconds."""

    connect: Seconds = 15.0
    """To reach a host and log in."""
    look: Seconds = 60.0
    """For the checks and the status of a host."""
    fetch: Seconds = 300.0
    build: Seconds = 1800.0
    restart: Seconds = 90.0


class Options(fraisier.Options):
    """A service that comes from a git repository and runs under systemd on hosts reached by SSH."""

    git_repo: Annotated[
        Secret,
        msgspec.Meta(
            examples=["git@git.example.com:acme/my_service.git"],
            description="Where the service comes from, as the host reaches it: a URL, user@host:path, or an "
            "absolute path on the host. May be a reference, since a URL can hold a token.",
        ),
    ]
    app_path: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^/[^/]",
            examples=["/srv/my_service"],
            description="The folder on the host for the mirror, the releases and the ledger; each service needs "
            "its own. With the layout in_place it is the working tree itself.",
        ),
    ]
    systemd_service: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*$(?!\n)",
            max_length=255,
            examples=["my_service.service"],
            description="The unit that runs the service.",
        ),
    ]
    ssh_host: Annotated[
        Host | None,
        msgspec.Meta(
            examples=["server.example.com"],
            description="The host: a name of your SSH configuration, a DNS name, or an address.",
        ),
    ] = None
    ssh_hosts: Annotated[
        list[Host], msgspec.Meta(description="Several hosts that run the same service, in place of ssh_host.")
    ] = msgspec.field(default_factory=list)
    ssh_user: Annotated[
        User | None,
        msgspec.Meta(
            description="Who logs in; default: as your SSH configuration says for the host, else deploy.",
        ),
    ] = None
    ssh_port: Annotated[
        Port | None,
        msgspec.Meta(description="Default: as your SSH configuration says, else 22."),
    ] = None
    ssh_key_path: Annotated[
        Path | None,
        msgspec.Meta(
            description="A private key; default: your agent, and the keys that your SSH configuration names. "
            "Relative paths start at the folder of fraises.yaml.",
        ),
    ] = None
    known_hosts_path: Annotated[
        Path | None,
        msgspec.Meta(
            description="The file of known host keys; default: those of your SSH configuration, else "
            "~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts."
        ),
    ] = None
    branch: Annotated[
        str | None,
        msgspec.Meta(description="What to deploy when no version is asked for; default: the repository's HEAD."),
    ] = None
    layout: Annotated[
        Literal["releases", "in_place"],
        msgspec.Meta(
            description="releases: a folder for each release, and the link `current` to the one in service. "
            "in_place: check out in app_path itself."
        ),
    ] = "releases"
    build: Annotated[
        list[Line],
        msgspec.Meta(description="Lines of /bin/sh to run in the new release before it goes in service."),
    ] = msgspec.field(default_factory=list)
    shared: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"^[^/\x00-\x1f]([^\x00-\x1f]*[^/\x00-\x1f])?$(?!\n)")]],
        msgspec.Meta(
            description="Paths that every release shares, such as uploads: links to the same path below "
            "app_path/shared. Only with the layout releases."
        ),
    ] = msgspec.field(default_factory=list)
    environment: Annotated[
        dict[Variable, Secret],
        msgspec.Meta(
            description="Variables for the build and for app_path/.fraisier/environment, which the unit reads "
            "with EnvironmentFile; the values are never shown."
        ),
    ] = msgspec.field(default_factory=dict)
    keep_releases: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="How many releases to keep; the one in service and the one before it always stay.",
        ),
    ] = 5
    sudo: Annotated[
        bool, msgspec.Meta(description="Whether systemctl needs sudo, which must ask for no password.")
    ] = True
    user_unit: Annotated[
        bool, msgspec.Meta(description="Whether the unit is one of the user's own (systemctl --user); no sudo.")
    ] = False
    restart: Annotated[
        Literal["restart", "reload", "reload-or-restart"],
        msgspec.Meta(description="How systemd puts a new release in service."),
    ] = "restart"
    deadlines: Annotated[
        Deadlines,
        msgspec.Meta(description="Seconds that each part may take: connect, look, fetch, build, restart."),
    ] = Deadlines()
    max_parallel: Annotated[
        int, msgspec.Meta(ge=1, le=100, description="How many hosts to work on at the same time.")
    ] = 10
    batch: Annotated[
        Count | None,
        msgspec.Meta(
            description="How many hosts to put in service at a time; each batch has to be healthy before the "
            "next. Default: all at once.",
        ),
    ] = None

    def __post_init__(self) -> None:
        if (self.ssh_host is None) == (not self.ssh_hosts):
            raise ValueError("expected exactly one of ssh_host and ssh_hosts")
        if len(set(self.ssh_hosts)) < len(self.ssh_hosts):
            raise ValueError("ssh_hosts: expected each host once")
        # git would take these for options of its own, and such an option can run a program.
        if not self.git_repo or self.git_repo.reveal().startswith("-"):
            raise ValueError("git_repo: expected a path or a URL, which does not begin with -")
        if self.branch is not None and (not self.branch or self.branch.startswith("-")):
            raise ValueError("branch: expected the name of a branch, which does not begin with -")
        if any(
            {"", ".", ".."} & set(path.split("/")) or path.split("/")[0] == ".fraisier" for path in self.shared
        ):
            raise ValueError("shared: expected paths inside the release, without . and ..")
        if len(set(self.shared)) < len(self.shared):
            raise ValueError("shared: expected each path once")
        for path in self.shared:
            if inside := [each for each in self.shared if each.startswith(f"{path}/")]:
                raise ValueError(f"shared: expected {path} or {inside[0]}, which is in it, but not both")
        if any("\n" in line for line in self.build):
            raise ValueError("build: expected one line in each entry, since each runs in a shell of its own")
        if self.layout == "in_place" and self.shared:
            raise ValueError("shared: expected with the layout releases only; in_place has one folder anyway")
        texts = [self.git_repo.reveal(), self.branch or "", self.app_path, *self.build]
        if any("\0" in text for text in [*texts, *(value.reveal() for value in self.environment.values())]):
            raise ValueError("expected no NUL character in any value: no path, command or variable can hold one")
        if any("\n" in text for text in (self.app_path, self.git_repo.reveal(), self.branch or "")):
            raise ValueError("app_path, git_repo, branch: expected one line")

    @property
    def hosts(self) -> list[str]:
        """All hosts, in the order of the file."""
        return [self.ssh_host] if self.ssh_host is not None else self.ssh_hosts

    @property
    def unit(self) -> str:
        """The unit's full name."""
        known = (".service", ".socket", ".target", ".timer", ".path")
        return self.systemd_service if self.systemd_service.endswith(known) else f"{self.systemd_service}.service"

    @property
    def needs_sudo(self) -> bool:
        """Whether systemctl is run by sudo."""
        return self.sudo and not self.user_unit

    @property
    def verbs(self) -> list[str]:
        """The verbs of systemctl that a deployment needs; a service that is not running cannot be reloaded."""
        return ["reset-failed", self.restart, *(["restart"] if self.restart == "reload" else [])]

    @property
    def prepare_timeout(self) -> float:
        """The seconds that a host may take to fetch, a second time where a lock was in the way, and to build."""
        return self.deadlines.fetch * 2 + self.deadlines.build * max(1, len(self.build))

    @property
    def systemctl(self) -> list[str]:
        """The words that begin a command which changes the unit."""
        if self.user_unit:
            return ["systemctl", "--user"]
        return ["sudo", "-n", "systemctl"] if self.needs_sudo else ["systemctl"]
