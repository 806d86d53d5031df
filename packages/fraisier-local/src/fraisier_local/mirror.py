"""The mirror of a service's repository: the commit that a version means, and the files of a commit."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fraisier import CommandResult, TargetError

from fraisier_local.git import FETCH_TIMEOUT, Repository, git, last_line

_HEX: Final = re.compile(r"[0-9a-f]{7,64}")
_FULL: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NOT_A_NAME: Final = re.compile(r"^$|^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")
"""What git refuses in the name of a tag or branch (git-check-ref-format), and what it reads as an option."""

_REFS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class Mirror:
    """A bare copy of the repository with its branches, its tags, and every commit that was put in service.

    Args:
        folder: where it stands, or will.
        repository: what it is a copy of.
        say: hears what git says.
    """

    def __init__(self, folder: Path, repository: Repository, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.repository = repository
        self._say = say

    def fetch(self) -> None:
        """Bring the mirror up to date with the repository, and make it first when it is not there."""
        self._prepare()
        self._fetch(*_REFS)

    def default_branch(self) -> str | None:
        """Return the branch that the repository's HEAD is on; None when it is on no branch."""
        result = git("ls-remote", "--symref", "--", self.repository.address, "HEAD")
        self._require(result, "ls-remote")
        heads = [line.split("\t") for line in result.output.splitlines() if line.endswith("\tHEAD")]
        for head, _ in heads:
            if head.startswith("ref: refs/heads/"):
                return head.removeprefix("ref: refs/heads/")
        if not heads:
            raise TargetError(
                f"{self.repository.shown} has no HEAD", hint="set branch under config, or ask a version"
            )
        return None

    def resolve(self, version: str) -> str:
        """Return the commit that a tag, else a branch, else a SHA (whole, or 7 digits at least) means."""
        sha = version.lower()
        revision = self._named("tags", version) or self._named("heads", version)
        if revision is None and _HEX.fullmatch(sha):
            revision = self._commit(sha)
        if revision is None and _FULL.fullmatch(sha) and not self.fetch_commit(sha):
            revision = sha
        if revision is None:
            raise self._unknown("tag, branch or commit", version)
        return revision

    def head_of(self, branch: str) -> str:
        """Return the commit that a branch is at."""
        revision = self._named("heads", branch)
        if revision is None:
            raise self._unknown("branch", branch)
        return revision

    def detached_head(self) -> str:
        """Return the commit of a HEAD that is on no branch."""
        self._fetch("+HEAD:refs/fraisier/HEAD")
        return self._commit("refs/fraisier/HEAD") or ""

    def fetch_commit(self, revision: str) -> str:
        """Fetch a single commit, where it is not here yet; return the reason when there is none to be had."""
        if not _FULL.fullmatch(revision):
            return "that is not a commit"
        if self.folder.exists() and self._commit(revision) is not None:
            return ""
        self._prepare()
        command = ("fetch", "--no-tags", "--update-shallow", "--", self.repository.address, revision)
        result = git(*command, folder=self.folder, timeout=FETCH_TIMEOUT)
        return "" if result.exit_code == 0 else last_line(result, self.repository)

    def keep(self, revision: str) -> None:
        """Hold on to a commit, whatever becomes of its branch."""
        result = git("update-ref", f"refs/fraisier/{revision}", revision, folder=self.folder)
        self._require(result, "update-ref")

    def export(self, revision: str, folder: Path) -> None:
        """Write the files of a commit into an empty folder."""
        index = self.folder / "fraisier.index"
        for left in (index, index.with_suffix(".index.lock")):
            left.unlink(missing_ok=True)
        command = (f"--work-tree={folder}", "read-tree", "--reset", "-u", revision)
        result = git(*command, folder=self.folder, timeout=FETCH_TIMEOUT, index=index, on_line=self._heard)
        index.unlink(missing_ok=True)
        self._require(result, "read-tree")

    def _prepare(self) -> None:
        for left in _stale_locks(self.folder):
            left.unlink(missing_ok=True)
        # Also on one that exists: what a killed run left half made is completed by this.
        self._require(git("init", "--quiet", "--bare", "--template=", "--", str(self.folder)), "init")

    def _fetch(self, *refs: str) -> None:
        options = ("--prune", "--no-tags", "--update-shallow", "--no-recurse-submodules")
        command = ("fetch", *options, "--", self.repository.address, *refs)
        self._require(git(*command, folder=self.folder, timeout=FETCH_TIMEOUT, on_line=self._heard), "fetch")

    def _named(self, kind: str, name: str) -> str | None:
        return None if _NOT_A_NAME.search(name) else self._commit(f"refs/{kind}/{name}")

    def _unknown(self, what: str, name: str) -> TargetError:
        shown, name = self.repository.shown, " ".join(name.split())
        return TargetError(f'no {what} "{name}" in {shown}', hint=f"see: git ls-remote --heads --tags {shown}")

    def _commit(self, name: str) -> str | None:
        command = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        result = git(*command, folder=self.folder)
        found = [line for line in result.output.splitlines() if _FULL.fullmatch(line)]
        return found[-1] if result.exit_code == 0 and found else None

    def _heard(self, line: str) -> None:
        self._say(self.repository.masked(line))

    def _require(self, result: CommandResult, what: str) -> None:
        if result.exit_code != 0:
            lines = [self.repository.masked(line) for line in result.output.splitlines()]
            raise TargetError(
                f"git {what} failed for {self.repository.shown}: {last_line(result, self.repository)}",
                hint=f"try: git ls-remote {self.repository.shown}",
                command=f"git {what} {self.repository.shown}",
                log=lines[-50:],
            )


def _stale_locks(folder: Path) -> Iterator[Path]:
    """Give the lock files of a git that was killed: older than any git that may still be at work."""
    before = time.time() - 2 * FETCH_TIMEOUT
    for path in [*folder.glob("*.lock"), *folder.glob("refs/**/*.lock")]:
        if path.stat().st_mtime < before:
            yield path
