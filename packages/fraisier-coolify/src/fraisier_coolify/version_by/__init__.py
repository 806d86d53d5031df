"""The ways to set the version of an application, one file for each: what `version_by` chooses."""

from __future__ import annotations

from fraisier import TargetError

from fraisier_coolify.coolify import Coolify
from fraisier_coolify.resources import Application
from fraisier_coolify.version_by.branch import ByBranch
from fraisier_coolify.version_by.commit import ByCommit
from fraisier_coolify.version_by.image_tag import ByImageTag
from fraisier_coolify.version_by.variable import ByVariable
from fraisier_coolify.version_by.way import Settings, Way

__all__ = ["Settings", "Way", "name_of", "refusal_of", "way_of"]


def name_of(coolify: Coolify, application: Application) -> str:
    """Return what `version_by` says, or means by the application's build pack."""
    default = "image_tag" if application.build_pack == "dockerimage" else "commit"
    return coolify.options.version_by or default


def way_of(coolify: Coolify, application: Application) -> Way:
    """Return how versions of an application are set.

    Raises:
        TargetError: this application, or this version of Coolify, cannot do it.
    """
    if why := refusal_of(coolify, application):
        raise why
    name = name_of(coolify, application)
    if name.startswith("env:"):
        return ByVariable(coolify, application, name.removeprefix("env:"))
    ways: dict[str, type[Way]] = {"image_tag": ByImageTag, "commit": ByCommit, "branch": ByBranch}
    return ways[name](coolify, application)


def refusal_of(coolify: Coolify, application: Application) -> TargetError | None:
    """Return why versions cannot be set in this way, with what can be done; None where they can."""
    name, version = name_of(coolify, application), coolify.version
    if name == "commit" and application.build_pack != "dockerimage" and not version.can("builds_the_pin"):
        hint = "set version_by: branch, or upgrade Coolify to 4.2.0"
        return TargetError(
            f"Coolify {version} builds the head of the branch, whatever commit is asked for", hint=hint
        )
    if (name == "image_tag") != (application.build_pack == "dockerimage") and not name.startswith("env:"):
        hint = "leave version_by out: it goes by the build pack"
        return TargetError(f'version_by: {name} does not fit the build pack "{application.build_pack}"', hint=hint)
    if application.dockerfile and not name.startswith("env:"):
        hint = "set version_by: env:NAME, with a variable that the Dockerfile uses"
        return TargetError("a Dockerfile that stands in Coolify itself has no versions", hint=hint)
    return None
