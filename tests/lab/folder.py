"""The lab's folder, and the locks in it that tell who is alive."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


class LabError(Exception):
    """The lab cannot be had, or a part of it failed; the message says why."""


class Lock:
    """A lock on a file, which the kernel frees when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def hold(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock; without waiting, tell whether that was possible."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def free(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        self.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free()


@dataclass(frozen=True)
class Folder:
    """Where the lab keeps its engine, its base image and what each run needs."""

    root: Path

    @classmethod
    def of_environment(cls) -> Folder:
        """Return the folder that FRAISIER_LAB_FOLDER names, or the one of this user."""
        own = "/var/tmp/fraisier-lab" if os.getuid() == 0 else f"/var/tmp/fraisier-lab-{os.getuid()}"
        return cls(Path(os.environ.get("FRAISIER_LAB_FOLDER") or own).absolute())

    def create(self) -> None:
        """Make the folder, for this user alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.root.stat().st_uid != os.getuid():
            raise LabError(f"{self.root} belongs to another user; name another folder with FRAISIER_LAB_FOLDER")
        self.images.mkdir(exist_ok=True)
        self.runs.mkdir(exist_ok=True)

    @property
    def images(self) -> Path:
        """Base images, as tarballs."""
        return self.root / "images"

    @property
    def tools(self) -> Path:
        """Debian's packages of Compose, a registry and busybox, unpacked."""
        return self.root / "tools"

    @property
    def runs(self) -> Path:
        """A folder and a lock for each run: keys, known hosts, an ssh config."""
        return self.root / "runs"

    @property
    def engine(self) -> Path:
        """All that our own dockerd writes."""
        return self.root / "engine"

    @property
    def socket(self) -> Path:
        """Where our own dockerd listens, and nowhere else."""
        return self.engine / "docker.sock"

    @property
    def kept(self) -> Path:
        """A file that is there while the engine is to stay up without users, from `lab:up` to `lab:down`."""
        return self.root / "kept"

    @property
    def users(self) -> Lock:
        """Shared by all who use the engine; the guard takes it for itself when it ends the engine."""
        return Lock(self.root / "users.lock")

    @property
    def guard(self) -> Lock:
        """Held by the guard for its whole life."""
        return Lock(self.root / "guard.lock")

    @property
    def census(self) -> Lock:
        """Held while a run comes or goes, so that a run that is being born is not taken for a dead one."""
        return Lock(self.root / "census.lock")
