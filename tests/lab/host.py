"""A host: a container in which systemd is process 1, with sshd and what people set up before they deploy."""

from __future__ import annotations

import io
import shlex
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.engine import Engine
from lab.folder import LabError
from lab.keys import AddressBook, Key
from lab.sshd_log import SshdLog
from lab.sudoers import rules

USER = "deploy"
DEADLINE = 60.0


@dataclass(frozen=True)
class Host:
    """One host of the lab; it knows how to be looked at and set up, and `faults` how to be disturbed."""

    name: str
    container: str
    ssh_port: int
    host_key: str
    engine: Engine
    key: Key
    addresses: AddressBook
    ssh_user: str = USER

    @property
    def key_path(self) -> Path:
        """The private key that the host's users accept."""
        return self.key.path

    @property
    def relayed_name(self) -> str:
        """The name of the host behind `lab.relay`, in the ssh config."""
        return f"{self.name}-relayed"

    @property
    def known_hosts(self) -> Path:
        """The file that holds the keys of all hosts."""
        return self.addresses.known_hosts

    def run(self, script: str, *, user: str = "root", stdin: str | None = None) -> str:
        """Run a shell script on the host, past SSH, and return what it prints; one that fails is a LabError."""
        return self._exec(script, user=user, stdin=stdin).stdout

    def succeeds(self, script: str, *, user: str = "root") -> bool:
        """Tell whether a shell script ends well on the host, past SSH."""
        return self._exec(script, user=user, check=False).returncode == 0

    def ssh(
        self, *command: str, user: str | None = None, relayed: bool = False, timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a command over SSH, as a person on this machine would, also through the relay that is open."""
        who = (f"{user}@" if user else "") + (self.relayed_name if relayed else self.name)
        line = ["ssh", "-F", str(self.addresses.ssh_config), who, *command]
        return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def write(self, path: str, text: str, *, owner: str = "root", mode: str = "644") -> None:
        """Write a file, and the folders above it."""
        where = shlex.quote(path)
        self.run(f"install -D --owner {owner} --mode {mode} /dev/stdin {where}", stdin=text)

    def install_unit(self, name: str, text: str, *, user: str | None = None) -> None:
        """Install a systemd unit: of the system, or of a user who has a `systemd --user`."""
        if user is None:
            self.write(f"/etc/systemd/system/{name}", text)
            self.run("systemctl daemon-reload")
        else:
            home = self.run("echo ~", user=user).strip()
            folder = f"{home}/.config/systemd/user"
            self.run(f"mkdir -p {folder} && cat > {folder}/{name}", user=user, stdin=text)
            self.run("XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user daemon-reload", user=user)

    def allow_systemctl(self, unit: str, *, user: str = USER) -> None:
        """Install the sudo rules for a unit that the docs tell people to write."""
        path = f"/etc/sudoers.d/fraisier-{unit.replace('.', '_')}"
        self.write(path, rules(user, unit), mode="440")
        self.run(f"visudo --check --quiet --file={path}")

    def add_account(self, name: str) -> None:
        """Make a user who can log in with the lab's key, and has nothing else of what a deploy needs."""
        self.run(f"useradd --create-home --shell /bin/bash {name}")
        self.write(f"/home/{name}/.ssh/authorized_keys", self.key.public + "\n", owner=name, mode="600")
        self.run(f"chown -R {name}: /home/{name}/.ssh && chmod 700 /home/{name}/.ssh")

    def journal(self, unit: str, lines: int = 50) -> list[str]:
        """Return the last lines that a unit wrote."""
        return self.run(f"journalctl --quiet --output=cat --lines={lines} --unit={unit}").splitlines()

    def sshd_log(self) -> SshdLog:
        """Return all that sshd has logged."""
        told = self.run("journalctl --sync && journalctl --quiet --output=cat --identifier=sshd")
        return SshdLog(tuple(told.splitlines()))

    def stop(self, *, hard: bool = False) -> None:
        """Shut the host down, or cut its power."""
        self.engine.docker(*(["kill"] if hard else ["stop", "--time", "20"]), self.container)

    def start(self) -> None:
        """Boot the host, and wait until systemd says that all runs and sshd answers."""
        self.engine.docker("start", self.container)
        self.wait_until_up()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse logins while in here; those that are logged in stay so."""
        self.run("systemctl stop ssh")
        try:
            yield
        finally:
            self.run("systemctl start ssh")
            deadline = time.monotonic() + DEADLINE
            while not _sshd_answers(self.ssh_port):
                if time.monotonic() > deadline:
                    raise LabError(f"sshd of {self.name} did not answer again within {DEADLINE:.0f} s")
                time.sleep(0.02)

    def wait_until_up(self) -> None:
        """Wait until systemd has started all units, and sshd answers."""
        deadline = time.monotonic() + DEADLINE
        while (state := self._system_state()) != "running" or not _sshd_answers(self.ssh_port):
            if state == "degraded":
                failed = self.run("systemctl --failed --no-legend --plain").strip()
                raise LabError(f"{self.name} booted with failed units: {failed}")
            if time.monotonic() > deadline:
                logged = self.engine.docker("logs", "--tail", "5", self.container, check=False)
                said = f"{state}\n{logged.stdout}{logged.stderr}".strip()
                raise LabError(f"{self.name} was not up after {DEADLINE:.0f} s: {said or 'systemd says nothing'}")
            time.sleep(0.02)

    def _system_state(self) -> str:
        return self._exec("timeout 5 systemctl is-system-running --wait", check=False).stdout.strip()

    def _exec(
        self, script: str, *, user: str = "root", stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        interactive = [] if stdin is None else ["--interactive"]
        command = ["exec", *interactive, "--user", user, self.container, "sh", "-c", script]
        return self.engine.docker(*command, stdin=None if stdin is None else stdin.encode(), check=check)


def archive(files: Mapping[str, tuple[int, int, str | bytes]], links: Mapping[str, str] | None = None) -> bytes:
    """Return a tar of files, each with owner (uid and gid alike), mode and content, and of symbolic links."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, (owner, mode, content) in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(path)
            entry.uid = entry.gid = owner
            entry.mode = mode
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for path, to in (links or {}).items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, to
            tar.addfile(entry)
    return packed.getvalue()


def _sshd_answers(port: int) -> bool:
    """Tell whether sshd greets: the engine's proxy accepts connections before there is one behind it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
