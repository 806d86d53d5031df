"""Where everything of one target stands: the folders and files below `app_path`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraisier import Target, TargetError

from fraisier_local.options import Options


class Layout:
    """The names below `app_path`; making one of these touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mirror = folder / "repo.git"
        self.releases = folder / "releases"
        self.current = folder / "current"
        self.log = folder / "service.log"
        self.records = folder / ".fraisier"
        self.ledger = self.records / "ledger.jsonl"
        self.process = self.records / "process.json"
        self.lock = self.records / "lock"

    def release(self, release_id: str) -> Path:
        """Return the folder of a release."""
        return self.releases / release_id


def layout_of(target: Target, options: Options) -> Layout:
    """Return the layout of a target, whose `app_path` may start at the folder of `fraises.yaml` or at ~."""
    return Layout(absolute(target, options.app_path))


def absolute(target: Target, path: str) -> Path:
    """Return a path of `fraises.yaml` as an absolute one; links in it stay as they are."""
    return Path(os.path.abspath(target.folder / Path(path).expanduser()))  # noqa: PTH100 - resolve() follows links


@contextmanager
def failing_as_target() -> Iterator[None]:
    """Turn what the machine refuses (a full disk, missing permission) into the contract's error."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        where = f" at {error.filename}" if error.filename else ""
        raise TargetError(f"{reason}{where}") from error
