"""SSH keys of a run, and the files by which a client on this machine knows the hosts."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """An ed25519 key in a file of mode 0600, the public half beside it."""

    path: Path

    @classmethod
    def new(cls, path: Path) -> Key:
        """Make a key without a passphrase."""
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
        subprocess.run(command, check=True, timeout=30)
        return cls(path)

    @property
    def private(self) -> str:
        """The private half, as its file holds it."""
        return self.path.read_text()

    @property
    def public(self) -> str:
        """The public half: type and key, without a comment."""
        return " ".join(self.path.with_name(self.path.name + ".pub").read_text().split()[:2])


@dataclass(frozen=True)
class _Door:
    name: str
    user: str
    port: int
    host_key: str


class AddressBook:
    """A `known_hosts` and an ssh config in which each open door of the lab has its name."""

    def __init__(self, folder: Path, key: Key) -> None:
        self.known_hosts = folder / "known_hosts"
        self.ssh_config = folder / "ssh_config"
        self._key = key
        self._doors: dict[str, _Door] = {}
        self._writing = threading.Lock()
        self._write()

    def add(self, name: str, user: str, port: int, host_key: str) -> None:
        """Make a port on 127.0.0.1 known under a name."""
        with self._writing:
            self._doors[name] = _Door(name, user, port, host_key)
            self._write()

    def remove(self, name: str) -> None:
        """Forget a name."""
        with self._writing:
            self._doors.pop(name, None)
            self._write()

    def _write(self) -> None:
        doors = list(self._doors.values())
        # By port for clients here; by name for who gets there through another host.
        known = [f"[127.0.0.1]:{door.port},{door.name} {door.host_key}\n" for door in doors]
        config = [
            f"Host {door.name}\n  HostName 127.0.0.1\n  Port {door.port}\n  User {door.user}\n" for door in doors
        ]
        config.append(
            f"Host *\n  IdentityFile {self._key.path}\n  IdentitiesOnly yes\n  BatchMode yes\n"
            f"  StrictHostKeyChecking yes\n  UserKnownHostsFile {self.known_hosts}\n"
            "  GlobalKnownHostsFile /dev/null\n"
        )
        _replace(self.known_hosts, "".join(known))
        _replace(self.ssh_config, "".join(config))


def _replace(path: Path, text: str) -> None:
    """Write a file that others may be reading."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
