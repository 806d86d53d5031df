"""Which host keys we trust: those in the files that `ssh` would read, and none that they revoke."""

from __future__ import annotations

import hmac
import re
import shlex
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from fraisier import TargetError
from paramiko import MissingHostKeyPolicy, PKey, SSHClient, SSHException

from fraisier_bare_metal.ssh.tokens import Tokens

_KNOWN: Final = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_KNOWN_TO_ALL: Final = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_HASHED: Final = "|1|"
_PATTERN: Final = re.compile(r"[|*?!]")
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256")


class HostKey(NamedTuple):
    """A key as a line of a file has it."""

    names: str
    kind: str
    blob: bytes
    file: Path
    revoked: bool

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return f"{self.kind} SHA256:{b64encode(sha256(self.blob).digest()).decode().rstrip('=')}"

    def is_of(self, name: str) -> bool:
        """Tell whether the line is about a host; it may name it by a pattern, or hide which one it names."""
        if self.names.startswith(_HASHED):
            return _is_hash_of(self.names, name)
        found = False
        for pattern in self.names.split(","):
            if _matching(pattern.removeprefix("!"))(name):
                if pattern.startswith("!"):
                    return False
                found = True
        return found


class RefusedHostKey(SSHException):
    """A host has shown a key that we do not trust.

    Args:
        key: the key.
        known: another key that the host is known by, or this one where it is revoked; None for an unknown host.
    """

    def __init__(self, key: PKey, known: HostKey | None) -> None:
        super().__init__("host key refused")
        self.fingerprint = f"{key.get_name()} {key.fingerprint}"
        self.known = known


class Trust(MissingHostKeyPolicy):
    """Decides about the key that one host shows, in place of Paramiko, which knows no patterns and one key a kind.

    Fabric by itself accepts whatever is shown (fabric#2071).

    Args:
        keys: what is known of the host by its name.
        more: what is known of it otherwise. `ssh` takes a key of the host that is known without the port.
    """

    def __init__(self, keys: Sequence[HostKey], more: Sequence[HostKey]) -> None:
        self._revoked = [key for key in (*keys, *more) if key.revoked]
        self._known = [key for key in keys if not key.revoked]
        self._trusted = self._known or [key for key in more if not key.revoked]

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Raise RefusedHostKey unless the key is known and not revoked."""
        shown = key.asbytes()
        for revoked in self._revoked:
            if revoked.blob == shown:
                raise RefusedHostKey(key, revoked)
        if all(known.blob != shown for known in self._trusted):
            alike = [known for known in self._known if known.kind == key.get_name()]
            raise RefusedHostKey(key, next(iter([*alike, *self._known]), None))

    def preferred(self, kinds: Sequence[str]) -> list[str]:
        """Sort kinds of keys so that the host is asked for one by which it is known."""
        known = {kind for key in self._trusted for kind in (_RSA if key.kind == "ssh-rsa" else (key.kind,))}
        return sorted(kinds, key=lambda kind: kind not in known)


class KnownHosts:
    """Files of known hosts, each set of which is read once however many hosts are looked up in it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._read: dict[tuple[Path | None, ...], _Keys] = {}

    def trust(self, names: Sequence[str], files: Sequence[Path], revoked: Path | None = None) -> Trust:
        """Return whom to trust as a host: what the files have for its first name, else for the others.

        Args:
            names: the host's.
            files: those of known hosts.
            revoked: what `RevokedHostKeys` names.
        """
        with self._guard:
            if (revoked, *files) not in self._read:
                keys = [key for file in files for key in _keys_in(file)]
                self._read[revoked, *files] = _Keys(keys + ([] if revoked is None else _keys_revoked_in(revoked)))
            known = self._read[revoked, *files]
        first, *others = (known.of(name.lower()) for name in names)
        return Trust(first, [key for keys in others for key in keys])


class _Keys:
    """What files of known hosts have in them."""

    def __init__(self, keys: Sequence[HostKey]) -> None:
        self._named: dict[str, list[HostKey]] = {}
        self._others: list[HostKey] = []
        for key in keys:
            if _PATTERN.search(key.names):
                self._others.append(key)
            else:
                for name in key.names.split(","):
                    self._named.setdefault(name, []).append(key)

    def of(self, name: str) -> list[HostKey]:
        return [*self._named.get(name, ()), *(key for key in self._others if key.is_of(name))]


def known_hosts(settings: Mapping[str, Any], tokens: Tokens, given: Path | None) -> list[Path]:
    """Return the files with the keys of known hosts, of which the first one is where a new key belongs.

    Args:
        settings: the host's section of the SSH configuration.
        tokens: what is meant by the signs in there.
        given: what the options name.
    """
    if given is not None:
        return [given]
    names = f"{settings.get('userknownhostsfile', _KNOWN)} {settings.get('globalknownhostsfile', _KNOWN_TO_ALL)}"
    return [tokens.path(each) for each in shlex.split(names) if each.lower() != "none"]


def names_in_known_hosts(host: str, port: int, alias: str | None = None) -> list[str]:
    """Return how the files name a host: as `ssh` writes it, and how else it accepts it."""
    if alias is not None:
        return [alias]
    return [host] if port == 22 else [f"[{host}]:{port}", host]


def _keys_in(file: Path) -> list[HostKey]:
    """Read a file of known hosts; a line that means something else is passed over.

    So are authorities: Paramiko cannot verify what they sign, and their own key is no host's.
    """
    text = ""
    with suppress(OSError):
        text = file.read_text(errors="replace")
    keys = []
    for line in text.split("\n"):
        words = line.split()
        revoked = words[:1] == ["@revoked"]
        names, *words = words[revoked:] or ["#"]
        if not names.startswith(("#", "@")):
            keys += _key(names if names.startswith(_HASHED) else names.lower(), words, file, revoked)
    return keys


def _keys_revoked_in(file: Path) -> list[HostKey]:
    """Read a list of revoked keys, each on a line; `ssh` lets nobody in as well when it cannot read it."""
    try:
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        said = f"RevokedHostKeys: {file} cannot be read: {(error.strerror or '').lower()}"
        raise TargetError(said, hint="mend it, or take it out of your SSH configuration") from error
    if text.startswith("SSHKRL"):
        said = f"RevokedHostKeys: {file} is no plain list of keys"
        raise TargetError(said, hint="name a file with one public key on each line")
    return [key for line in text.split("\n") for key in _key("*", line.split(), file, True)]


def _key(names: str, words: Sequence[str], file: Path, revoked: bool) -> list[HostKey]:
    """Return the key that a line's words are, if they are one."""
    with suppress(ValueError):
        kind, encoded, *_ = words
        blob = b64decode(encoded, validate=True)
        # The key says itself of which kind it is, after four bytes with the length of that.
        if blob[4:].startswith(kind.encode()):
            return [HostKey(names, kind, blob, file, revoked)]
    return []


@cache
def _salt_and_hash(names: str) -> tuple[bytes, bytes]:
    with suppress(ValueError):
        salt, digest = names.removeprefix(_HASHED).split("|")
        return b64decode(salt), b64decode(digest)
    return b"", b""


def _is_hash_of(names: str, name: str) -> bool:
    salt, digest = _salt_and_hash(names)
    return hmac.digest(salt, name.encode(), "sha1") == digest


@cache
def _matching(pattern: str) -> Callable[[str], object]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")).fullmatch
