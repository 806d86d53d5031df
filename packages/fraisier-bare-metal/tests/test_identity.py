"""Keys, and the agents that hold them, which are not as they should be: passed over, never an error of ours."""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fraisier_bare_metal.ssh import key_agent, passphrase
from fraisier_bare_metal.ssh.identity import Identity
from fraisier_bare_metal.ssh.key_agent import SSHAgent
from lab.keys import Key

Answering = Callable[[bytes], str]


def packed(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    """Set up an agent that gives one answer whatever it is asked, or none, and return its address."""
    with socket.socket(socket.AF_UNIX) as listener:

        def answer(text: bytes) -> str:
            address = str(tmp_path / "agent")
            listener.bind(address)
            listener.listen()

            def serve() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(text)
                    connection.recv(100)

            threading.Thread(target=serve, daemon=True).start()
            return address

        yield answer


@pytest.mark.parametrize("text", [packed(b"\5"), packed(b"\x0c"), packed(b""), b"\0", b""])
def test_an_agent_that_refuses_or_does_not_answer_has_no_keys(
    answering: Answering, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_agent, "_ANSWER_SECONDS", 0.1)
    agent = SSHAgent(answering(text))
    assert list(agent.get_keys()) == []
    agent.close()


def test_a_comment_of_a_key_may_be_in_any_encoding(answering: Answering, tmp_path: Path) -> None:
    blob = b64decode(Key.new(tmp_path / "key").public.split()[1])
    told = struct.pack(">I", 1) + packed(blob) + packed("clé".encode("latin-1"))
    agent = SSHAgent(answering(packed(b"\x0c" + told)))
    assert [key.get_name() for key in agent.get_keys()] == ["ssh-ed25519"]
    agent.close()


@pytest.mark.parametrize(
    "key", [dsa.generate_private_key(1024), ec.generate_private_key(ec.SECP256K1())], ids=["dsa", "secp256k1"]
)
def test_a_key_of_a_kind_that_is_not_known_is_passed_over(
    tmp_path: Path, key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    file, good = tmp_path / "key", Key.new(tmp_path / "good").path
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    identity = Identity([file, good], True, None)
    assert [each.get_name() for each in identity] == ["ssh-ed25519"]
    assert identity.locked() == []


def test_a_passphrase_is_asked_for_once_and_by_one_however_many_want_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "correct horse"

    ours, theirs = os.openpty()
    with os.fdopen(ours), os.fdopen(theirs) as terminal, ThreadPoolExecutor(8) as pool:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(passphrase, "getpass", ask)
        assert set(pool.map(passphrase.passphrase_of, [tmp_path / "key"] * 8)) == {"correct horse"}
    assert asked == [f"passphrase of the key {tmp_path}/key: "]


@pytest.mark.parametrize("stdin", [None, io.StringIO()], ids=["closed", "a file"])
def test_without_a_terminal_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert passphrase.passphrase_of(tmp_path / "key") == ""
