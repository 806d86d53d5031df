"""Git over SSH: a host with bare repositories, and the one from which a test pushes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.folder import LabError
from lab.host import Host

WHO = {"NAME": "Alice", "EMAIL": "alice@example.com"}


@dataclass(frozen=True)
class Repository:
    """A bare repository on the git host, and a clone of it on this machine to write to it."""

    # As hosts reach it. It works on this machine too, with `environment`.
    url: str
    clone: Path
    environment: dict[str, str]

    def commit(self, version: str, files: Mapping[str, str] | None = None, *, tag: bool = True) -> str:
        """Commit files and VERSION on `main`, tag it with the version, push; return the commit."""
        for name, text in {"VERSION": f"{version}\n", **(files or {})}.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", version)
        if tag:
            self.git("tag", version)
        self.git("push", "--quiet", "--tags", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return _git(self.environment, "-C", str(self.clone), *arguments)


@dataclass(frozen=True)
class GitHost:
    """The host `git`, which serves repositories to hosts that have the deploy key."""

    host: Host
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What git on this machine needs in its environment to reach the same URLs as the hosts."""
        who = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in WHO.items()}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
        ssh = {"GIT_SSH_COMMAND": f"ssh -F {self.host.addresses.ssh_config}"}
        # Not what a git hook that runs the tests has set.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {**inherited, **who, **quiet, **ssh}

    def create(self, name: str) -> Repository:
        """Make an empty repository; its URL is `git@git:NAME.git`."""
        self.host.run(f"git init --quiet --bare --initial-branch=main /srv/git/{name}.git", user="git")
        repository = Repository(f"git@git:{name}.git", self.folder / name, self.environment)
        self.folder.mkdir(exist_ok=True)
        _git(self.environment, "init", "--quiet", "--initial-branch=main", str(repository.clone))
        repository.git("remote", "add", "origin", repository.url)
        return repository

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections to git while in here."""
        with self.host.refusing():
            yield

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Accept connections to git but never answer while in here."""
        self.host.engine.docker("pause", self.host.container)
        try:
            yield
        finally:
            self.host.engine.docker("unpause", self.host.container)


def _git(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise LabError(f"`git {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()
