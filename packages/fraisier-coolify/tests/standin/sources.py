"""What can be deployed: images in a registry and commits in repositories, each with the way it behaves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

Behaviour = Literal["healthy", "unhealthy", "crashes", "restarts", "fails_to_build"]
"""What becomes of a version: it answers 500 for `unhealthy`, ends at once for `crashes`, over and over for
`restarts`, and is never started for `fails_to_build`."""


@dataclass(frozen=True)
class Commit:
    """A commit of a repository."""

    sha: str
    message: str
    behaves: Behaviour


@dataclass
class Repository:
    """A git repository, as far as Coolify sees it: branches with commits, newest last."""

    name: str
    branches: dict[str, list[Commit]] = field(default_factory=dict)

    def commit(self, message: str, behaves: Behaviour = "healthy", *, branch: str = "main") -> Commit:
        """Commit to a branch, which begins where `main` stands if it is new."""
        commits = self.branches.setdefault(branch, list(self.branches.get("main", [])))
        text = f"{self.name} {branch} {len(commits)} {message}"
        made = Commit(hashlib.sha1(text.encode()).hexdigest(), message, behaves)
        commits.append(made)
        return made

    def head(self, branch: str) -> Commit | None:
        """Return the newest commit of a branch, where there is one."""
        commits = self.branches.get(branch)
        return commits[-1] if commits else None

    def find(self, sha: str) -> Commit | None:
        """Return a commit by the beginning of its SHA, or by the name of a branch that git would take for it."""
        if sha in self.branches:
            return self.head(sha)
        known = (commit for commits in self.branches.values() for commit in commits)
        return next((commit for commit in known if len(sha) >= 7 and commit.sha.startswith(sha)), None)


@dataclass(frozen=True)
class Image:
    """What a tag stands for just now."""

    digest: str
    behaves: Behaviour


@dataclass
class Registry:
    """The images that servers can pull, by name and tag, or by name and digest."""

    images: dict[tuple[str, str], Image] = field(default_factory=dict)

    def push(self, name: str, tag: str, behaves: Behaviour = "healthy", *, content: str = "") -> Image:
        """Push an image; other content under a tag that was there moves the tag."""
        digest = hashlib.sha256(f"{name} {content or tag} {behaves}".encode()).hexdigest()
        image = Image(digest, behaves)
        self.images[name, tag] = self.images[name, f"sha256-{digest}"] = image
        self.images[f"{name}@sha256", digest] = image
        return image

    def find(self, name: str, tag: str) -> Image | None:
        """Return an image, where there is such a one."""
        return self.images.get((name, tag))
