"""`version_by: branch`: what is built from git, the head of a branch."""

from __future__ import annotations

import re

from fraisier import Release, TargetError

from fraisier_coolify.resources import Row
from fraisier_coolify.version_by.way import Settings, Way

_BRANCH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./+@=-]*")


class ByBranch(Way):
    """Sets the branch, and takes away a pin."""

    def settings(self, version: str | None) -> Settings:
        """Return the branch and no pin."""
        if version is None:
            return {"git_commit_sha": "HEAD"}
        if not _BRANCH.fullmatch(version):
            raise TargetError(f'"{version}" is no name of a branch', hint="see: git branch --remotes")
        return {"git_branch": version, "git_commit_sha": "HEAD"}

    def release(self, row: Row) -> Release:
        """Return the branch that is set, with the commit that a deployment tells."""
        settings = {"git_branch": self.application.git_branch, "git_commit_sha": "HEAD"}
        return Release(version=self.application.git_branch, revision=row.commit, details={"settings": settings})

    def revision(self, version: str | None) -> None:
        """Return nothing: Coolify does not tell where the head of a branch is before it builds it."""
