"""The folders of the releases: making one, the link `current`, and removing those that nobody needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fraisier import Progress, TargetError, run_shell

from fraisier_local.layout import Layout
from fraisier_local.mirror import Mirror
from fraisier_local.options import Options
from fraisier_local.records import Ledger, now, read_process
from fraisier_local.service import environment

BUILD_TIMEOUT: Final = 1800.0
_UNFINISHED: Final = ".tmp"


def make(mirror: Mirror, layout: Layout, options: Options, version: str, revision: str, progress: Progress) -> str:
    """Export and build a revision in a folder of its own and return its id.

    Raises:
        TargetError: a build command failed; its release is removed again.
    """
    release_id = _new_id(layout, revision)
    folder = layout.release(release_id)
    with _removed_on_failure(folder):
        with progress.step("export"):
            unfinished = folder.with_name(folder.name + _UNFINISHED)
            unfinished.mkdir(parents=True)
            mirror.export(revision, unfinished)
            unfinished.rename(folder)
        if options.build:
            with progress.step("build"):
                for command in options.build:
                    _build(command, folder, environment(options, version, revision), progress)
    return release_id


def switch(layout: Layout, release_id: str) -> None:
    """Let `current` point to a release, from one moment to the next."""
    new = layout.folder / "current.tmp"
    new.unlink(missing_ok=True)
    new.symlink_to(f"{layout.releases.name}/{release_id}")
    new.replace(layout.current)


def prune(layout: Layout, keep: int) -> None:
    """Remove what is beyond `keep` releases: those gone back from first, never the last two that were good."""
    good = [line.id for line in Ledger(layout.ledger).good() if layout.release(line.id).is_dir()]
    _remove_all_but(layout, set(good[: max(keep, 2)]))


def remove_leftovers(layout: Layout) -> None:
    """Remove what killed runs left: folders that were never put in service."""
    _remove_all_but(layout, set(Ledger(layout.ledger).started()))


def _remove_all_but(layout: Layout, kept: set[str]) -> None:
    if not layout.releases.is_dir():
        return
    process = read_process(layout)
    in_use = {process.id} if process is not None else set()
    if layout.current.is_symlink():
        in_use.add(layout.current.readlink().name)
    for folder in sorted(layout.releases.iterdir()):
        if folder.name not in kept | in_use:
            _remove(folder)


def _new_id(layout: Layout, revision: str) -> str:
    """Return a name that sorts by time, also for two releases of the same second."""
    base = f"{now():%Y%m%dT%H%M%SZ}-{revision[:7]}"
    taken = {path.name.removesuffix(_UNFINISHED) for path in layout.releases.glob(f"{base}*")}
    taken |= set(Ledger(layout.ledger).started())
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _build(command: str, folder: Path, variables: dict[str, str], progress: Progress) -> None:
    progress.line(f"$ {command}")
    try:
        result = run_shell(
            command, timeout=BUILD_TIMEOUT, folder=folder, environment=variables, on_line=progress.line
        )
    except TimeoutError:
        raise TargetError(
            f"a build command took longer than {BUILD_TIMEOUT:g} s: {command}", command=command
        ) from None
    if result.exit_code != 0:
        raise TargetError(
            f"a build command ended with exit code {result.exit_code}: {command}",
            hint="the old version was not touched; mend the build and deploy again",
            command=command,
            log=result.output.splitlines()[-50:],
        )


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _remove(folder)
        raise


def _remove(folder: Path) -> None:
    """Remove a folder under another name first: one that is half removed must not pass for a release."""
    doomed = folder if folder.name.endswith(_UNFINISHED) else folder.with_name(folder.name + _UNFINISHED)
    if folder != doomed and folder.exists():
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
    if not doomed.exists():
        return
    doomed.chmod(0o700)  # Some builds leave read-only folders.
    for parent, names, _ in os.walk(doomed):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(doomed, ignore_errors=True)
