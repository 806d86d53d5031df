"""Who we are to a host: the keys that `ssh` would offer, from its configuration and its agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from getpass import getpass
from pathlib import Path
from typing import Any, Final

from fraisier import Session, TargetError
from paramiko import Agent, PKey, SSHException
from paramiko.pkey import PublicBlob

_DEFAULT_KEYS: Final = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")


class Identity:
    """The keys that are offered to one host, in the order in which they are.

    Args:
        files: private keys, or public ones whose private half the agent has.
        only: whether the agent's other keys stay out of it, as `IdentitiesOnly` says.
    """

    def __init__(self, files: Sequence[Path], only: bool) -> None:
        self._files = [file for file in files if file.is_file() and os.access(file, os.R_OK)]
        self._only = only
        self._agent = Agent()

    @classmethod
    def of(cls, settings: Mapping[str, Any], given: Path | None) -> Identity:
        """Return the keys for a host: the one that the options name, else those of its SSH configuration.

        Args:
            settings: its section of the SSH configuration.
            given: what the options name.
        """
        if given is not None:
            try:
                given.open("rb").close()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TargetError(f"the key {given} cannot be read: {reason}", hint="set ssh_key_path") from error
        names = [given] if given is not None else settings.get("identityfile") or _DEFAULT_KEYS
        return cls([Path(each).expanduser() for each in names], settings.get("identitiesonly") == "yes")

    def offered(self) -> dict[str, Any]:
        """Return what paramiko's `connect` has to know of it."""
        key = next((key for file in self._files if (key := self._of_agent(file)) is not None), None)
        files = [str(file) for file in self._files if file.suffix != ".pub"]
        return {"pkey": key, "key_filename": files, "allow_agent": not self._only, "look_for_keys": False}

    def unlocked(self, session: Session) -> dict[str, Any] | None:
        """Return the same with the passphrase of a key, which is asked for on a terminal, or None without one."""
        locked = self.locked()
        if not locked or not sys.stdin.isatty():
            return None
        # Several hosts, and several logins: it is asked for once.
        asked = session.get(f"bare_metal:passphrase:{locked[0]}", lambda: _Passphrase(locked[0]))
        return {"pkey": None, "key_filename": [str(locked[0])], "passphrase": asked.text, "allow_agent": False}

    def locked(self) -> list[Path]:
        """Return the keys that are encrypted and not in the agent."""
        return [file for file in self._files if _is_encrypted(file) and self._of_agent(file) is None]

    def tried(self) -> list[str]:
        """Return what was offered, as a person knows it."""
        files = [str(file) for file in self._files]
        others = 0 if self._only else len(self._agent.get_keys())
        return [*files, *([f"{others} of the agent"] if others else [])]

    def close(self) -> None:
        """Leave the agent."""
        self._agent.close()

    def _of_agent(self, file: Path) -> PKey | None:
        """Return the agent's key that a file belongs to."""
        public = file if file.suffix == ".pub" else file.with_name(f"{file.name}.pub")
        with suppress(OSError, ValueError, SSHException):
            blob = PublicBlob.from_file(str(public)).key_blob
            return next((key for key in self._agent.get_keys() if key.blob == blob), None)
        return None


class _Passphrase:
    """The passphrase of a key, for as long as one operation."""

    def __init__(self, file: Path) -> None:
        self.text = getpass(f"passphrase of the key {file}: ")

    def close(self) -> None:
        self.text = ""


def _is_encrypted(file: Path) -> bool:
    with suppress(OSError, ValueError, SSHException):
        try:
            PKey.from_path(file)
        except TypeError:
            # The way in which it says that a passphrase is missing.
            return True
    return False
