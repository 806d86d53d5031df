"""Going back: which way leads to a release of which kind of application on which version of Coolify."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from fraisier import Deployed, Progress, Release, TargetError

from fraisier_coolify import lookup, stack
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.deployment import Change, deployed, put_in_service
from fraisier_coolify.resources import Service
from fraisier_coolify.version_by import Settings, Way, way_of

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def roll_back(coolify: Coolify, release: Release, progress: Progress) -> Deployed:
    """Bring a release back, with the settings that it had."""
    coolify.client.tell = progress.line
    with progress.step("look"):
        found = lookup.require(coolify)
    if isinstance(found, Service):
        return stack.roll_back(coolify, found, release, progress)
    way = way_of(coolify, found)
    settings = way.settings_back(release)
    change = _change(coolify, way, release, settings)
    back = put_in_service(coolify, way, change, progress)
    # A pin that only led back is taken away, or it would hold every later push.
    way.apply(None, settings)
    return deployed(msgspec.structs.replace(back, version=release.version or back.version))


def _change(coolify: Coolify, way: Way, release: Release, settings: Settings) -> Change:
    if not way.builds:
        return Change(release.version, release.revision, settings, force=way.forces)
    commit = release.revision or ""
    # What was recorded may come from anywhere.
    if not _SHA.fullmatch(commit):
        raise TargetError(
            f'"{commit}" is no commit to go back to', hint="deploy a version: fraisier deploy --version V"
        )
    if coolify.version.can("rolls_back") and way.application.build_pack != "dockercompose":
        return Change(release.version, commit, settings, rollback_to=commit)
    if coolify.version.can("builds_the_pin"):
        return Change(release.version, commit, {**settings, "git_commit_sha": commit})
    # The head of the branch is all that can be built; whether it still is that commit is seen afterwards.
    return Change(release.version, commit, {"git_branch": release.version, **settings, "git_commit_sha": "HEAD"})
