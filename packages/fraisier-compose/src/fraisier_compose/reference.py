"""The names of images: `REGISTRY/REPOSITORY:TAG`, `REPOSITORY@sha256:…`, or the id of an image."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HUB: Final = "docker.io"


def is_version(version: str) -> bool:
    """Tell whether a version can be one of an image: a tag or a digest."""
    return bool(_TAG.fullmatch(version) or DIGEST.fullmatch(version))


def at(repository: str, version: str) -> str:
    """Return the name of an image at a tag or a digest."""
    return f"{repository}@{version}" if DIGEST.fullmatch(version) else f"{repository}:{version}"


class Reference(NamedTuple):
    """An image's name, taken apart."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def of(cls, name: str) -> Reference:
        """Take a name apart; a tag that is a digest, as interpolation makes it, counts as one."""
        if DIGEST.fullmatch(name):
            return cls("", digest=name)
        rest, _, digest = name.partition("@")
        folder, slash, last = rest.rpartition("/")
        base, _, tag = last.partition(":")
        if DIGEST.fullmatch(tag):
            tag, digest = "", tag
        return cls(f"{folder}{slash}{base}", tag, digest)

    def __str__(self) -> str:
        if not self.repository:
            return self.digest
        return at(self.repository, self.digest or self.tag or "latest")

    @property
    def registry(self) -> str:
        """The server that has it."""
        return self.full_repository.partition("/")[0]

    @property
    def full_repository(self) -> str:
        """The repository as registries know it: `nginx` is `docker.io/library/nginx`."""
        first, slash, rest = self.repository.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            if first in (_HUB, f"index.{_HUB}"):
                return f"{_HUB}/{rest if '/' in rest else f'library/{rest}'}"
            return self.repository
        return f"{_HUB}/{self.repository if slash else f'library/{self.repository}'}"
