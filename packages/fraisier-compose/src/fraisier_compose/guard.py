"""One deployment of a service at a time, from whichever machine: a container on the engine that never runs.

A container's name is unique on an engine and taken in one moment. Its labels say who holds it; a file in it,
renewed every few seconds, says until when. All times are the engine's own.
"""

from __future__ import annotations

import io
import os
import platform
import tarfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec
from fraisier import DeploymentLockedError, FraisierError, LeaseLostError, Target, TargetError, process_started

from fraisier_compose.docker import Docker
from fraisier_compose.failures import failure

LEASE: Final = 60.0
_BEAT: Final = 15.0
_ATTEMPTS: Final = 5
_IMAGE: Final = "fraisier-guard:1"
_PREFIX: Final = "fraisier.guard."
_BEATEN: Final = "beat"


class Guard:
    """The guard of one service of a project, held from here until it is closed.

    Args:
        docker: the engine.
        project: the Compose project.
        service: the service.
        target: who deploys.

    Raises:
        DeploymentLockedError: somebody else holds it.
    """

    def __init__(self, docker: Docker, project: str, service: str, target: Target) -> None:
        self._docker = docker
        self._name = f"fraisier-guard.{project}.{service}"
        self._what = f"{service} of the project {project}"
        self._labels = {
            "user": target.user or "somebody",
            "deployment": target.deployment_id,
            "machine": _machine(),
            "pid": str(os.getpid()),
            "started": process_started(os.getpid()) or "",
        }
        self._ended = threading.Event()
        self._lost = False
        self._id = self._take()
        self._renewed = time.time()
        self._heart = threading.Thread(target=self._go_on, daemon=True)
        self._heart.start()

    def hold(self) -> None:
        """Make sure that we hold it, before something is changed.

        Raises:
            LeaseLostError: we slept past the lease, and somebody else has it.
        """
        if self._lost or time.time() - self._renewed > LEASE / 2:
            self._renew()
        if self._lost:
            raise LeaseLostError(
                f"the guard of {self._what} was taken over by somebody else: nothing more is changed",
                hint="see what is in service: fraisier status",
            )

    def close(self) -> None:
        """Give it back."""
        self._ended.set()
        # It may be renewing just now, under another id.
        self._heart.join(timeout=20)
        with suppress(FraisierError):
            self._docker.try_engine("rm", "--force", self._id, timeout=20)

    def _take(self) -> str:
        labels = [word for name, value in self._labels.items() for word in ("--label", f"{_PREFIX}{name}={value}")]
        words = ["create", "--pull", "never", "--name", self._name, "--network", "none", *labels, _IMAGE, "guard"]
        for _ in range(_ATTEMPTS):
            made = self._docker.try_engine(*words)
            if made.exit_code == 0:
                return made.text.strip()
            said = made.stderr.lower()
            if "no such image" in said:
                self._docker.engine("cannot make the guard's image", "import", "-", _IMAGE, stdin=_archive())
            elif "already in use" in said or "already exists" in said:
                self._break_or_raise()
            else:
                raise failure(f"cannot guard {self._what}", "docker create", made.lines)
        raise TargetError(f"cannot guard {self._what}: it comes and goes", hint="deploy again")

    def _break_or_raise(self) -> None:
        """Remove the guard of a holder that is gone, or raise the error that says who holds it."""
        told = self._docker.try_engine("container", "inspect", self._name)
        if told.exit_code != 0:
            return
        holder = msgspec.json.decode(told.stdout, type=list[_Holder])[0]
        if holder.is_gone or holder.age(self._docker) > LEASE:
            # By its id: the next one has the same name.
            self._docker.try_engine("rm", "--force", holder.id)
            return
        raise DeploymentLockedError(
            f"{self._what} is being deployed by {holder.label('user')} since {holder.created:%H:%M:%S} UTC"
            + (f" (deployment {holder.label('deployment')})" if holder.label("deployment") else ""),
            hint=f"wait until that has ended; it goes {LEASE:g} s after its holder's last sign of life",
        )

    def _go_on(self) -> None:
        while not self._ended.wait(_BEAT) and not self._lost:
            self._renew()

    def _renew(self) -> None:
        """Write a sign of life, unless the guard is not ours any more; one that was pruned is taken again."""
        try:
            beat = _archive(_clock(self._docker).isoformat())
            if self._docker.try_engine("cp", "-", f"{self._id}:/", stdin=beat).exit_code == 0:
                self._renewed = time.time()
                return
            told = self._docker.try_engine("container", "inspect", self._id)
            if "no such" in told.stderr.lower() and not self._ended.is_set():
                self._id = self._take()
                self._renewed = time.time()
        except DeploymentLockedError:
            self._lost = True
        except FraisierError:
            # The engine is away: the next time tells.
            return


def _archive(text: str = "") -> bytes:
    """Return a tar of the file with the last sign of life, or an empty one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        if text:
            file = tarfile.TarInfo(_BEATEN)
            file.size = len(text)
            tar.addfile(file, io.BytesIO(text.encode("ascii")))
    return archive.getvalue()


class _HolderConfig(msgspec.Struct, frozen=True, rename="pascal"):
    labels: Mapping[str, str] | None = None


class _Holder(msgspec.Struct, frozen=True, rename="pascal"):
    """Who holds a guard, as the engine tells."""

    id: str
    created: datetime
    config: _HolderConfig

    def label(self, name: str) -> str:
        return (self.config.labels or {}).get(_PREFIX + name, "")

    @property
    def is_gone(self) -> bool:
        """Whether its process is certainly gone: it ran on this machine, and does not any more."""
        pid = self.label("pid")
        if self.label("machine") != _machine() or not pid.isdigit():
            return False
        return process_started(int(pid)) != self.label("started")

    def age(self, docker: Docker) -> float:
        """Return the seconds since its last sign of life."""
        last = self.created
        told = docker.try_engine("cp", f"{self.id}:/{_BEATEN}", "-")
        if told.exit_code == 0:
            with (
                suppress(tarfile.TarError, ValueError, OSError),
                tarfile.open(fileobj=io.BytesIO(told.stdout)) as tar,
            ):
                if (file := tar.extractfile(_BEATEN)) is not None:
                    last = datetime.fromisoformat(file.read().decode("ascii"))
        return (_clock(docker) - last).total_seconds()


def _clock(docker: Docker) -> datetime:
    """Return the time by the engine's clock."""
    told = docker.engine("cannot ask the engine", "info", "--format", "{{.SystemTime}}").text.strip()
    return msgspec.convert(told, datetime, strict=False).astimezone(UTC)


def _machine() -> str:
    """Name this machine since it was started: by its name, and by its first process."""
    return f"{platform.node()} {process_started(1)}"
