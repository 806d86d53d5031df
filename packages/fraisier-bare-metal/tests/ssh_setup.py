"""What a person has around `ssh`: a configuration, an agent, an encrypted key."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fraisier_bare_metal import hooks
from lab.host import Host
from lab.lab import Lab

from .site import Site, eventually

PASSPHRASE = "correct horse"


def configure(home: Path, text: str) -> None:
    """Write `~/.ssh/config`, in place of the lab's."""
    path = home / ".ssh" / "config"
    path.unlink(missing_ok=True)
    path.write_text(text)


def here(host: Host, name: str = "prod", user: str = "deploy", **more: Any) -> str:
    """Return the section of an SSH configuration for a host, as this machine reaches it."""
    given = {"HostName": "127.0.0.1", "Port": host.ssh_port, "User": user, "UserKnownHostsFile": host.known_hosts}
    lines = [f"  {key} {value}\n" for key, value in {**given, **more}.items() if value is not None]
    return f"Host {name}\n{''.join(lines)}"


@contextmanager
def agent(tmp_path: Path, *keys: Path) -> Iterator[None]:
    """Run an agent that has keys; those that are encrypted have our passphrase."""
    address = str(tmp_path / "agent.sock")
    answer = tmp_path / "answer"
    answer.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    answer.chmod(0o700)
    with subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL) as process:
        try:
            environ = {**os.environ, "SSH_AUTH_SOCK": address}
            asking = environ | {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
            # The socket is there a moment before anybody listens.
            look = ["ssh-add", "-l"]
            eventually(lambda: subprocess.run(look, env=environ, capture_output=True, timeout=30).returncode != 2)
            for key in keys:
                subprocess.run(["ssh-add", "-q", str(key)], env=asking, check=True, timeout=30)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SSH_AUTH_SOCK", address)
                yield
        finally:
            process.terminate()


def encrypted(lab: Lab, path: Path) -> Path:
    """Copy the lab's key and encrypt the copy."""
    path.write_text(lab.key.private)
    path.chmod(0o600)
    path.with_name(f"{path.name}.pub").write_text(lab.key.public)
    change = ["ssh-keygen", "-q", "-p", "-N", PASSPHRASE, "-f", str(path)]
    subprocess.run(change, check=True, capture_output=True, timeout=30)
    return path


def login_of(site: Site, **options: object) -> str:
    """Return what pre-flight says of the login, which is to pass."""
    with site.target(**options) as target:
        [ssh] = [check for check in hooks.pre_flight(target) if check.name == "ssh"]
    assert ssh.passed, ssh.detail
    return ssh.detail


def fingerprint(host: Host) -> str:
    """Return what a person reads on the host itself."""
    return host.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
