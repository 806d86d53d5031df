"""Running git: no prompts, no hooks, nothing of the caller's own repository, and always a deadline."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from fraisier import CommandResult, Target, TargetError, run_command

from fraisier_local.layout import absolute
from fraisier_local.options import Options

FETCH_TIMEOUT: Final = 300.0
QUICK_TIMEOUT: Final = 30.0
_URL: Final = re.compile(r"^[^/]+:")
"""git's own rule: what has a colon before the first slash is no path."""

_LOGIN: Final = re.compile(r"(?<=://)[^/@]*:[^/@]*@")
_SETTINGS: Final = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "gc.autoDetach=false",
    "-c",
    "maintenance.autoDetach=false",
)
"""The user's other settings stay (credentials, insteadOf): no hooks, and no work that outlives the command."""

_LEAKING: Final = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
)


class Repository(NamedTuple):
    """Where a service comes from: the address for git, and the one for people, without secrets."""

    address: str
    shown: str

    def masked(self, text: str) -> str:
        """Return a text in which the address is the one for people."""
        return _LOGIN.sub("", text.replace(self.address, self.shown))


def repository_of(target: Target, options: Options) -> Repository:
    """Return the repository that `git_repo` names, a path made absolute."""
    text = options.git_repo.reveal()
    address = text if _URL.match(text) else str(absolute(target, text))
    return Repository(address, options.git_repo.reference or _LOGIN.sub("", address))


def environment_without_git() -> dict[str, str]:
    """Return our environment without what would point git, or a build, at another repository."""
    return {name: value for name, value in os.environ.items() if name not in _LEAKING}


def git(
    *arguments: str,
    folder: Path | None = None,
    timeout: float = QUICK_TIMEOUT,
    index: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> CommandResult:
    """Run git without prompts, without hooks, and within a deadline; `folder` is the repository.

    Raises:
        TargetError: git is not there, or the deadline passed.
    """
    environment = {**environment_without_git(), "GIT_TERMINAL_PROMPT": "0", "LANGUAGE": "C"}
    if "GIT_SSH" not in environment:
        environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    where = [] if folder is None else [f"--git-dir={folder}"]
    command = ["git", *_SETTINGS, *where, *arguments]
    what = next(each for each in arguments if not each.startswith("-"))
    try:
        return run_command(command, timeout=timeout, environment=environment, on_line=on_line)
    except TimeoutError:
        raise TargetError(f"git {what} took longer than {timeout:g} s and was ended") from None
    except (FileNotFoundError, NotADirectoryError):
        raise TargetError("git is not installed", hint="install git") from None


def last_line(result: CommandResult, repository: Repository) -> str:
    """Return the line in which git says what went wrong."""
    lines = [line for line in result.output.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    return repository.masked((fatal or lines or ["no output"])[0 if fatal else -1])
