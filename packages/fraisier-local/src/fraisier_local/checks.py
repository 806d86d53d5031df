"""What `pre_flight` looks at: everything that a deployment needs, without making any of it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Final

from fraisier import Check, Target, TargetError

from fraisier_local.git import Repository, git, last_line, repository_of
from fraisier_local.layout import Layout
from fraisier_local.options import Options
from fraisier_local.records import Ledger

OLDEST_GIT: Final = (2, 30)
FREE_BYTES: Final = 100 * 1024 * 1024


def checks_of(target: Target, options: Options, layout: Layout) -> list[Check]:
    """Return every check, in the order in which a person would mend what failed."""
    repository = repository_of(target, options)
    there = _nearest(layout.folder)
    found = [_git()]
    if found[0].passed:
        found.append(_repository(repository, options.branch))
    return [*found, _app_path(target, layout, there), _disk_space(there), _health_check(target)]


def _git() -> Check:
    wanted = ".".join(map(str, OLDEST_GIT))
    hint = f"install git {wanted} or later"
    try:
        said = git("version").output
    except TargetError as error:
        return Check(name="git", passed=False, detail=error.message, hint=hint)
    match = re.search(r"(\d+)\.(\d+)", said)
    passed = match is not None and (int(match[1]), int(match[2])) >= OLDEST_GIT
    return Check(name="git", passed=passed, detail=said.strip(), hint="" if passed else hint)


def _repository(repository: Repository, branch: str | None) -> Check:
    hint = f"try: git ls-remote {repository.shown}"
    try:
        refs = [f"refs/heads/{branch}"] if branch else ["HEAD"]
        result = git("ls-remote", "--", repository.address, *refs)
    except TargetError as error:
        return Check(name="repository", passed=False, detail=error.message, hint=hint)
    if result.exit_code != 0:
        return Check(name="repository", passed=False, detail=last_line(result, repository), hint=hint)
    if branch and "\t" not in result.output:
        detail = f'there is no branch "{branch}" in {repository.shown}'
        return Check(
            name="repository", passed=False, detail=detail, hint=f"see: git ls-remote --heads {repository.shown}"
        )
    return Check(name="repository", passed=True, detail=f"{repository.shown} answers")


def _app_path(target: Target, layout: Layout, there: Path) -> Check:
    if not there.is_dir():
        hint = f"see: ls -ld {there}"
        return Check(name="app_path", passed=False, detail=f"{there} is not a folder", hint=hint)
    if not os.access(there, os.W_OK | os.X_OK):
        hint = f"see: ls -ld {there}; or set another app_path"
        return Check(name="app_path", passed=False, detail=f"{there} cannot be written to", hint=hint)
    owner = next((line.target for line in Ledger(layout.ledger).good()), target.identifier)
    if owner != target.identifier:
        # A deployment would stop the other one's service.
        detail = f"{layout.folder} belongs to {owner}"
        hint = f"set another app_path; if {owner} was renamed: rm {layout.ledger}"
        return Check(name="app_path", passed=False, detail=detail, hint=hint)
    detail = f"{layout.folder} is writable" if there == layout.folder else f"{layout.folder} can be made"
    return Check(name="app_path", passed=True, detail=detail)


def _disk_space(there: Path) -> Check:
    free = shutil.disk_usage(there).free
    detail = f"{free // 1024**2} MiB free at {there}"
    if free < FREE_BYTES:
        detail += f", want {FREE_BYTES // 1024**2} MiB"
        return Check(name="disk space", passed=False, detail=detail, hint=f"see: df -h {there}")
    return Check(name="disk space", passed=True, detail=detail)


def _health_check(target: Target) -> Check:
    if target.health_check is None:
        where = f"fraises.{target.fraise}.providers.{target.environment}"
        return Check(
            name="health check",
            passed=False,
            detail="there is none: a service that runs counts as healthy",
            hint=f"add health_check to {where}",
            required=False,
        )
    return Check(name="health check", passed=True)


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
