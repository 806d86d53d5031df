"""What stands under `config` in `fraises.yaml` for a target of the provider `local`."""

from __future__ import annotations

from typing import Annotated

import fraisier
import msgspec
from fraisier import Secret

Line = Annotated[str, msgspec.Meta(min_length=1)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Options(fraisier.Options):
    """A service that comes from a git repository and runs as a process of this machine."""

    git_repo: Annotated[
        Secret,
        msgspec.Meta(
            description="Where the service comes from: a URL, or a path (~ is expanded; a relative one starts at "
            "the folder of fraises.yaml). May be a reference, since a URL can hold a token."
        ),
    ]
    app_path: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description="The folder for the mirror, the releases and the log; each target needs its own. "
            "A relative one starts at the folder of fraises.yaml.",
        ),
    ]
    command: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description="The line of /bin/sh that runs the service, in the folder of the release. It has to stay "
            "in the foreground.",
        ),
    ]
    branch: Annotated[
        str | None,
        msgspec.Meta(description="What to deploy when no version is asked for; default: the repository's HEAD."),
    ] = None
    build: Annotated[
        list[Line],
        msgspec.Meta(description="Lines of /bin/sh to run in the folder of a new release before it starts."),
    ] = msgspec.field(default_factory=list)
    environment: Annotated[
        dict[Variable, Secret],
        msgspec.Meta(
            description="Environment variables for the command and the build; the values are never shown."
        ),
    ] = msgspec.field(default_factory=dict)
    keep_releases: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="How many releases to keep; the one in service and the one before it always stay.",
        ),
    ] = 5
    stop_timeout: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=3600, description="Seconds between SIGTERM and SIGKILL when the service is stopped."
        ),
    ] = 10.0

    def __post_init__(self) -> None:
        # git would take these for options of its own, and such an option can run a program.
        if not self.git_repo or self.git_repo.reveal().startswith("-"):
            raise ValueError("git_repo: expected a path or a URL, which does not begin with -")
        if self.branch is not None and (not self.branch or self.branch.startswith("-")):
            raise ValueError("branch: expected the name of a branch, which does not begin with -")
        texts = [self.git_repo.reveal(), self.branch or "", self.app_path, self.command, *self.build]
        if any("\0" in text for text in [*texts, *(value.reveal() for value in self.environment.values())]):
            raise ValueError("expected no NUL character in any value: no path, command or variable can hold one")
