"""The guard of a target: one deployment at a time, whichever machine's `fraises.yaml` it comes from."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from fraisier import DeploymentLockedError, Target

from fraisier_local.layout import Layout
from fraisier_local.records import now


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lock, written into the locked file."""

    user: str
    pid: int
    since: datetime
    deployment_id: str


@contextmanager
def locked(layout: Layout, target: Target) -> Iterator[None]:
    """Hold the lock of a target, or raise DeploymentLockedError naming who does.

    The kernel frees it when this process dies, however it dies. Programs that we start do not inherit it.
    """
    layout.records.mkdir(parents=True, exist_ok=True)
    # The file is never removed: whoever waits on a removed file would hold a lock that nobody else sees.
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refusal(descriptor, target) from None
        holder = Holder(user=target.user, pid=os.getpid(), since=now(), deployment_id=target.deployment_id)
        _write(descriptor, msgspec.json.encode(holder))
        try:
            yield
        finally:
            _write(descriptor, b"")
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)


def _refusal(descriptor: int, target: Target) -> DeploymentLockedError:
    by = "somebody else"
    try:
        holder = msgspec.json.decode(os.pread(descriptor, 65536, 0), type=Holder)
        by = f"{holder.user or 'somebody else'} (pid {holder.pid}) since {holder.since:%Y-%m-%d %H:%M:%S} UTC"
    except msgspec.DecodeError:
        pass  # It has only just been taken, and nothing is written yet.
    return DeploymentLockedError(f"{target.identifier} is being deployed by {by}", hint="wait for that to end")
