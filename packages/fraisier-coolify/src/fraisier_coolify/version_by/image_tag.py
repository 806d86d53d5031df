"""`version_by: image_tag`: an image from a registry, by its tag or digest."""

from __future__ import annotations

import re
from typing import Final

from fraisier import Release, TargetError

from fraisier_coolify.resources import Row
from fraisier_coolify.version_by.way import Settings, Way

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BY_DIGEST: Final = "@sha256"
"""How the name of an image ends whose tag is a digest."""


class ByImageTag(Way):
    """Sets the tag. Coolify's deployments do not tell the tag that they deployed, so each is labelled with it.

    The label is `git_commit_sha`, which means nothing to an image, and which every deployment copies. It counts as
    long as it agrees with the tag that is set: a person who changes the tag in Coolify does not know of labels.
    Digests are known by the form of the tag that Coolify has for them, `sha256-` and 64 digits.
    """

    # All images are queued as the same commit unless they are labelled, and are then taken for duplicates.
    forces = True
    builds = False

    def settings(self, version: str | None) -> Settings:
        """Return the tag, its label, and the name without a digest's ending."""
        if version is None:
            return {}
        digest = _DIGEST.fullmatch(version)
        tag = f"sha256-{digest[1]}" if digest else version
        if not _TAG.fullmatch(tag):
            hint = "a tag holds letters, digits, _ . and -; a digest is sha256: and 64 digits"
            raise TargetError(f'"{version}" is no tag of an image', hint=hint)
        settings: dict[str, str | None] = {"docker_registry_image_tag": tag}
        if _LABEL.fullmatch(tag):
            settings["git_commit_sha"] = tag
        name = self.application.docker_registry_image_name or ""
        if name.endswith(_BY_DIGEST):
            settings["docker_registry_image_name"] = name.removesuffix(_BY_DIGEST)
        return settings

    def release(self, row: Row) -> Release:
        """Return the tag that a deployment is labelled with, or else the one that is set."""
        set_now = self.application.docker_registry_image_tag or "latest"
        labelled = self.application.git_commit_sha == set_now and row.commit not in (None, "", "HEAD")
        tag = str(row.commit) if labelled else set_now
        name = self.application.docker_registry_image_name or ""
        details = {"settings": {"docker_registry_image_name": name, **self._tagged(tag)}}
        return Release(version=self._version(tag), revision=f"{name}:{tag}", details=details)

    def revision(self, version: str | None) -> str | None:
        """Return name and tag: tags are taken for what never moves, but for the one that is made to."""
        if version in (None, "latest"):
            return None
        settings = self.settings(version)
        name = settings.get("docker_registry_image_name", self.application.docker_registry_image_name) or ""
        return f"{name}:{settings['docker_registry_image_tag']}"

    def settings_back(self, release: Release) -> Settings:
        """Return the name and the tag, which must be those of the revision."""
        given = super().settings_back(release)
        revision = f"{given.get('docker_registry_image_name')}:{given.get('docker_registry_image_tag')}"
        if release.revision != revision:
            message = f'no image of ours is recorded as "{release.revision}"'
            raise TargetError(message, hint="deploy a version: fraisier deploy --version V")
        return given

    def _tagged(self, tag: str) -> dict[str, str | None]:
        label = {"git_commit_sha": tag} if _LABEL.fullmatch(tag) else {}
        return {"docker_registry_image_tag": tag, **label}

    def _version(self, tag: str) -> str:
        digest = _DIGEST.fullmatch(tag)
        return f"sha256:{digest[1]}" if digest else tag
