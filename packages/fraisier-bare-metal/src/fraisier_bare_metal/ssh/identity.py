"""Who we are to a host: the keys that `ssh` would offer, from its configuration and its agent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from fraisier import TargetError
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey, SSHConfig, SSHException, Transport
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey, SourceResult
from paramiko.pkey import PublicBlob

from fraisier_bare_metal.ssh.key_agent import SSHAgent, agent_address
from fraisier_bare_metal.ssh.passphrase import passphrase_of
from fraisier_bare_metal.ssh.tokens import Tokens

_DEFAULT_KEYS: Final = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")
_CERTIFICATE: Final = "-cert.pub"


class Identity:
    """The keys that are offered to one host, in the order in which they are.

    Args:
        files: private keys, or public ones whose private half the agent has.
        only: whether the agent's other keys stay out of it, as `IdentitiesOnly` says.
        agent: where the agent listens; None for no agent.
    """

    def __init__(self, files: Sequence[Path], only: bool, agent: str | None) -> None:
        # os.path.isfile, since a home that may not be looked into is no error here.
        self.files = [file for file in files if os.path.isfile(file) and os.access(file, os.R_OK)]  # noqa: PTH113
        self._only = only
        self._agent = SSHAgent(agent)

    @classmethod
    def of(cls, settings: Mapping[str, Any], tokens: Tokens, given: Path | None) -> Identity:
        """Return the keys for a host: the one that the options name, else those of its SSH configuration.

        Args:
            settings: its section of the SSH configuration.
            tokens: what is meant by the signs in there.
            given: what the options name.
        """
        if given is not None:
            try:
                given.open("rb").close()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TargetError(f"the key {given} cannot be read: {reason}", hint="set ssh_key_path") from error
        names = settings.get("identityfile") or _DEFAULT_KEYS
        files = [tokens.path(each) for each in names if each.lower() != "none"]
        only = settings.get("identitiesonly", "no").lower() in ("yes", "true")
        return cls(files if given is None else [given], only, agent_address(settings, tokens))

    def offered(self, user: str) -> dict[str, Any]:
        """Return what paramiko's `connect` has to know of it."""
        return {"auth_strategy": _Offer(user, self)}

    def unlocked(self) -> dict[str, Any] | None:
        """Return the same with the passphrase of a key, which is asked for on a terminal, or None without one."""
        locked = self.locked()
        passphrase = passphrase_of(locked[0]) if locked else ""
        if not passphrase:
            return None
        file = str(locked[0])
        return {"key_filename": [file], "passphrase": passphrase, "allow_agent": False, "look_for_keys": False}

    def __iter__(self) -> Iterator[PKey]:
        """Give the keys: first the agent's that belong to our files, then those files, then the agent's others."""
        ours = {file: key for file in self.files if (key := self._of_agent(file)) is not None}
        yield from ours.values()
        yield from (key for file in self.files if file not in ours and (key := _in_file(file)) is not None)
        if not self._only:
            yield from (key for key in self._agent.get_keys() if key not in ours.values())

    def locked(self) -> list[Path]:
        """Return the keys that are encrypted and not in the agent."""
        return [file for file in self.files if _is_encrypted(file) and self._of_agent(file) is None]

    def tried(self) -> list[str]:
        """Return what was offered, as a person knows it."""
        files = [str(file) for file in self.files]
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


class _Offer(AuthStrategy):
    """Shows a host one key after another, until it has seen enough."""

    def __init__(self, user: str, identity: Identity) -> None:
        super().__init__(ssh_config=SSHConfig())
        self._user = user
        self._identity = identity

    def get_sources(self) -> Iterator[AuthSource]:
        """Give the keys as Paramiko wants them."""
        return (InMemoryPrivateKey(self._user, key) for key in self._identity)

    def authenticate(self, transport: Transport) -> list[SourceResult]:
        """Log in, or raise SSHException; unlike Paramiko's own, go on where one key is not enough."""
        refused = SSHException("no key was accepted")
        for source in self.get_sources():
            try:
                wanted = source.authenticate(transport)
            except SSHException as error:
                if not transport.is_active() or "timeout" in str(error).lower():
                    raise
                refused = error
                continue
            if "keyboard-interactive" in wanted:
                wanted = transport.auth_interactive_dumb(self._user)
            if not wanted:
                return [SourceResult(source, wanted)]
        raise refused


def _in_file(file: Path) -> PKey | None:
    """Return the private key of a file with the certificate beside it, or None if it is public or locked.

    One of a kind that Paramiko does not know, or with a curve that it does not, is none either: it says so in
    whichever way it has come upon it.
    """
    if file.suffix == ".pub":
        return None
    for kind in (Ed25519Key, RSAKey, ECDSAKey):
        with suppress(Exception):
            key = kind.from_private_key_file(str(file))
            key.get_name()
            with suppress(Exception):
                key.load_certificate(f"{file}{_CERTIFICATE}")
            return key
    return None


def _is_encrypted(file: Path) -> bool:
    with suppress(Exception):
        try:
            PKey.from_path(file)
        except TypeError:
            # The way in which it says that a passphrase is missing.
            return True
    return False
