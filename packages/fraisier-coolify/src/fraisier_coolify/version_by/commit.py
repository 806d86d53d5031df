"""`version_by: commit`: what is built from git, pinned to a commit."""

from __future__ import annotations

import re

from fraisier import Release, TargetError

from fraisier_coolify.resources import Row
from fraisier_coolify.version_by.way import Settings, Way

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class ByCommit(Way):
    """Pins the commit; what is deployed by hand or by a push afterwards is built from the same one."""

    def settings(self, version: str | None) -> Settings:
        """Return the pin; without a version, the head of the branch."""
        if version is None:
            return {"git_commit_sha": "HEAD"}
        if not _SHA.fullmatch(version):
            hint = "name all 40 digits, as git rev-parse has them, or set version_by: branch"
            raise TargetError(f'"{version}" is no commit', hint=hint)
        return {"git_commit_sha": version}

    def release(self, row: Row) -> Release:
        """Return the commit that a deployment tells."""
        pin = self.application.git_commit_sha or "HEAD"
        settings = {
            "git_branch": self.application.git_branch,
            "git_commit_sha": "HEAD" if pin == "HEAD" else row.commit,
        }
        return Release(version=row.commit, revision=row.commit, details={"settings": settings})

    def revision(self, version: str | None) -> str | None:
        """Return the commit; without a version, the head of the branch is not known."""
        return version
