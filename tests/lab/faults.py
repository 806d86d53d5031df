"""What goes wrong on real hosts, on purpose. Cutting and stalling connections is the relay's (`lab.relay`)."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.host import Host
from lab.relay import Relay


def kill_ssh_sessions(host: Host, user: str | None = None) -> None:
    """Kill sshd's processes of all logins of a user at once, so that nothing is said to the client."""
    host.run(f"pkill -KILL --full '^sshd: {user or host.ssh_user}'")


def reboot(host: Host, *, hard: bool = False) -> float:
    """Reboot the host, or cut its power and boot it; return the seconds until sshd answered again."""
    started = time.monotonic()
    host.stop(hard=hard)
    host.start()
    return time.monotonic() - started


@dataclass(frozen=True)
class Disk:
    """A small disk on a host."""

    host: Host
    path: str

    def fill(self) -> None:
        """Use up the last byte."""
        self.host.run(f"cat /dev/zero > {self._filler} || true")

    def free(self) -> None:
        """Give back what `fill` took."""
        self.host.run(f"rm -f {self._filler}")

    @property
    def _filler(self) -> str:
        return shlex.quote(f"{self.path}/.filler")


@contextmanager
def small_disk(host: Host, path: str, megabytes: int = 32, owner: str | None = None) -> Iterator[Disk]:
    """Mount a disk of its own at a path, which belongs to the user that deploys; it is gone after a reboot."""
    where = shlex.quote(path)
    host.run(
        f"mkdir -p {where} && mount -t tmpfs -o size={megabytes}m,mode=755 tmpfs {where}"
        f" && chown {owner or host.ssh_user}: {where}"
    )
    try:
        yield Disk(host, path)
    finally:
        # Lazily: a service may still work in there.
        host.run(f"! mountpoint --quiet {where} || umount --lazy {where}")


@contextmanager
def slow(relay: Relay, rate: int) -> Iterator[None]:
    """Let each way of a connection carry so many bytes a second while in here."""
    relay.rate = rate
    try:
        yield
    finally:
        relay.rate = None
