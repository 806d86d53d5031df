"""One run of the lab: its network, its keys, and the hosts in it."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

from lab import runs
from lab.engine import Engine, engine_in_use
from lab.folder import Folder, LabError
from lab.host import USER, Host, archive
from lab.image import base_image
from lab.keys import AddressBook, Key
from lab.relay import Relay
from lab.repository import GitHost

# What systemd needs in a container short of --privileged.
BOOT = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--env", "container=docker"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"),
    # How to tell systemd to shut down.
    *("--stop-signal", "SIGRTMIN+3"),
)
# Below the ports that the kernel hands out, so that a host finds its own still free when it boots again.
PORTS = range(20000, 32768)
DEPLOY_UID, GIT_UID = 1000, 1001
BOOTS_AT_ONCE = 4
ATTEMPTS = 5
PORT_TAKEN = re.compile("address already in use|port is already allocated")


class Lab:
    """Hosts that can reach one another by name, and that this machine reaches at ports of 127.0.0.1."""

    def __init__(self, engine: Engine, image: str, folder: Path, labels: list[str], bridge: str) -> None:
        self.engine = engine
        self.folder = folder
        self.key = Key.new(folder / "id_ed25519")
        self.deploy_key = Key.new(folder / "deploy_key")
        self.addresses = AddressBook(folder, self.key)
        self._image = image
        self._labels = labels
        self._network = f"fraisier-lab-{folder.name}"
        self._numbers = count(1)
        self._git_host_key = Key.new(folder / "git.host_key")
        option = f"com.docker.network.bridge.name={bridge}"
        engine.docker("network", "create", *labels, "--opt", option, self._network)

    @property
    def key_path(self) -> Path:
        """The private key that all hosts accept."""
        return self.key.path

    @property
    def known_hosts(self) -> Path:
        """The keys of all hosts, by port and by name."""
        return self.addresses.known_hosts

    @property
    def ssh_config(self) -> Path:
        """A config for `ssh -F` in which each host has its name."""
        return self.addresses.ssh_config

    @cached_property
    def git(self) -> GitHost:
        """The host that serves repositories, started when it is first asked for."""
        # It stands for a forge, which takes logins from many hosts at once.
        settings = {"etc/ssh/sshd_config.d/forge.conf": (0, 0o644, "MaxStartups 200\n")}
        accepted = f"{self.key.public}\n{self.deploy_key.public}\n"
        keys = {"srv/git/.ssh/authorized_keys": (GIT_UID, 0o600, accepted)}
        host = self._boot("git", "git", self._git_host_key, settings | keys)
        return GitHost(host, self.folder / "clones")

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Give a new host, as a careful person has set it up: a user with a key, and a deploy key for git."""
        with self.hosts(1) as [host]:
            yield host

    @contextmanager
    def hosts(self, number: int) -> Iterator[list[Host]]:
        """Give new hosts, booted side by side."""
        names = [f"host-{next(self._numbers)}" for _ in range(number)]
        try:
            with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
                hosts = list(pool.map(self._deploy_host, names))
            yield hosts
        finally:
            containers = [self._container(name) for name in names]
            # Those that did not come to be are no error.
            self.engine.docker("rm", "--force", "--volumes", *containers, check=False)
            for name in names:
                self.addresses.remove(name)

    @contextmanager
    def relay(self, host: Host, delay: float = 0.0) -> Iterator[Relay]:
        """Give a long way to a host's sshd, which is `NAME-relayed` in the ssh config."""
        with Relay(host.ssh_port, delay) as relay:
            self.addresses.add(host.relayed_name, host.ssh_user, relay.port, host.host_key)
            try:
                yield relay
            finally:
                self.addresses.remove(host.relayed_name)

    def _deploy_host(self, name: str) -> Host:
        home = "home/deploy/.ssh"
        keys = {
            f"{home}/authorized_keys": (DEPLOY_UID, 0o600, f"{self.key.public}\n"),
            f"{home}/id_ed25519": (DEPLOY_UID, 0o600, self.deploy_key.private),
            f"{home}/known_hosts": (DEPLOY_UID, 0o600, f"git {self._git_host_key.public}\n"),
        }
        return self._boot(name, USER, Key.new(self.folder / f"{name}.host_key"), keys)

    def _boot(self, name: str, user: str, host_key: Key, files: dict[str, tuple[int, int, str]]) -> Host:
        for path, mode, text in (("key", 0o600, host_key.private), ("key.pub", 0o644, host_key.public)):
            files[f"etc/ssh/ssh_host_ed25519_{path}"] = (0, mode, text)
        container = self._container(name)
        # Somebody else may take the port in between: then another one.
        for attempt in count(1):
            port = _free_port()
            self._create(container, name, port, archive(files))
            self.addresses.add(name, user, port, host_key.public)
            host = Host(name, container, port, host_key.public, self.engine, self.key, self.addresses, user)
            try:
                host.start()
            except LabError as error:
                if attempt == ATTEMPTS or not PORT_TAKEN.search(str(error)):
                    raise
                self.engine.docker("rm", "--force", container)
            else:
                return host
        raise AssertionError("the last attempt raises")

    def _create(self, container: str, name: str, port: int, files: bytes) -> None:
        named = ["--name", container, "--hostname", name, "--network", self._network, "--network-alias", name]
        published = ["--publish", f"127.0.0.1:{port}:22"]
        self.engine.docker("create", *self._labels, *named, *published, *BOOT, self._image, "/sbin/init")
        self.engine.docker("cp", "-", f"{container}:/", stdin=files)

    def _container(self, name: str) -> str:
        return f"{self._network}-{name}"


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Open a run of the lab on the engine that is there or can be started, and leave nothing of it behind."""
    folder = Folder.of_environment()
    with engine_in_use(folder) as engine, runs.registered(engine, folder) as run:
        image = base_image(engine, folder)
        labels = runs.labels(folder, run)
        yield Lab(engine, image, runs.folder_of(folder, run), labels, runs.bridge_name(folder, run))


def _free_port() -> int:
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
