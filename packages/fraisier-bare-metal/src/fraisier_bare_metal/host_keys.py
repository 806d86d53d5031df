"""Which host keys we trust: those in the files that `ssh` would read."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from paramiko import HostKeys, MissingHostKeyPolicy, PKey, SSHClient, SSHException
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

_KNOWN: Final = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_KNOWN_TO_ALL: Final = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"


def known_hosts(settings: Mapping[str, Any], given: Path | None) -> list[Path]:
    """Return the files with the keys of known hosts, of which the first one is where a new key belongs."""
    if given is not None:
        return [given]
    names = f"{settings.get('userknownhostsfile', _KNOWN)} {settings.get('globalknownhostsfile', _KNOWN_TO_ALL)}"
    return [Path(each).expanduser() for each in shlex.split(names)]


def name_in_known_hosts(host: str, port: int) -> str:
    """Return how the files name a host."""
    return host if port == 22 else f"[{host}]:{port}"


class KnownHosts:
    """Files of known hosts, each set of which is read once however many hosts are looked up in it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._read: dict[tuple[Path, ...], HostKeys] = {}

    def trust(self, client: SSHClient, host: str, port: int, files: Sequence[Path]) -> None:
        """Let a client trust the keys that the files have for a host, and no others."""
        client.set_missing_host_key_policy(_Refuse())
        with self._guard:
            if tuple(files) not in self._read:
                self._read[tuple(files)] = _keys_in(files)
            known = self._read[tuple(files)]
        name = name_in_known_hosts(host, port)
        for kind, key in (known.lookup(name) or {}).items():
            client.get_host_keys().add(name, kind, key)


def _keys_in(files: Sequence[Path]) -> HostKeys:
    """Read files of known hosts; a line that means something else is passed over."""
    keys = HostKeys()
    for file in files:
        with suppress(OSError):
            for line in file.read_text(errors="replace").splitlines():
                entry = None
                if line.strip() and not line.startswith(("#", "@")):
                    with suppress(InvalidHostKey, SSHException, ValueError):
                        entry = HostKeyEntry.from_line(line.strip())
                for name in (entry.hostnames or []) if entry is not None else []:
                    if entry is not None and entry.key is not None:
                        keys.add(name, entry.key.get_name(), entry.key)
    return keys


class UnknownHostKey(SSHException):
    """A host has shown a key that is in none of the files."""

    def __init__(self, key: PKey) -> None:
        super().__init__("unknown host key")
        self.key = key


class _Refuse(MissingHostKeyPolicy):
    """Refuses a host whose key is not known, which Fabric by itself accepts (fabric#2071)."""

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Raise, whatever it is."""
        raise UnknownHostKey(key)
