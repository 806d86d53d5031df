"""The agent that holds a person's keys, wherever the SSH configuration says that it listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any, Final

from paramiko import Agent, Message, SSHException
from paramiko.agent import AgentKey, AgentSSH

from fraisier_bare_metal.ssh.tokens import Tokens

_ANSWER_SECONDS: Final = 10.0
_SIGNATURE_SECONDS: Final = 60.0
"""Somebody may have to confirm it, or to touch a token."""
# draft-miller-ssh-agent, section 5.1
_REQUEST_IDENTITIES: Final = b"\x0b"
_IDENTITIES_ANSWER: Final = 12


class SSHAgent(Agent):
    """An agent, as Paramiko has it, but for where it listens: Paramiko takes that from the environment only.

    One that is not there, does not answer or refuses is an agent without keys, as for `ssh`.

    Args:
        address: a socket's path.
    """

    def __init__(self, address: str | None) -> None:
        AgentSSH.__init__(self)
        if address is None:
            return
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(address)
            self._connect(connection)
        except Exception:  # noqa: BLE001 - whatever it says that no agent should
            self.close()
            connection.close()
        else:
            connection.settimeout(_SIGNATURE_SECONDS)

    def _connect(self, connection: socket.socket) -> None:
        """Ask for the keys; Paramiko's own takes every comment for UTF-8."""
        self._conn = connection
        kind, answer = self._send_message(_REQUEST_IDENTITIES)
        if kind != _IDENTITIES_ANSWER:
            raise SSHException("the agent does not tell its keys")
        told = [(answer.get_binary(), answer.get_binary()) for _ in range(answer.get_int())]
        self._keys = tuple(AgentKey(self, blob, comment.decode(errors="replace")) for blob, comment in told)

    def _send_message(self, message: Any) -> tuple[int, Message]:
        try:
            # The stubs leave it out.
            return super()._send_message(message)  # type: ignore[misc, no-any-return]
        except (OSError, AttributeError) as error:
            raise SSHException("the agent does not answer") from error


def agent_address(settings: Mapping[str, Any], tokens: Tokens) -> str | None:
    """Return where the agent for a host listens, as `IdentityAgent` says, else the environment."""
    named = settings.get("identityagent", "SSH_AUTH_SOCK")
    if named.lower() == "none":
        return None
    if named == "SSH_AUTH_SOCK" or (named.startswith("$") and not named.startswith("${")):
        return os.environ.get(named.removeprefix("$")) or None
    return str(tokens.path(named))
