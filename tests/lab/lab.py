"""One run of the lab: its network, its keys, the hosts in it, and the engines and registries of its tests."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from lab import runs, tools
from lab.daemon import MEGABYTES, Daemon, daemon
from lab.engine import Engine, engine_in_use
from lab.folder import Folder, LabError
from lab.host import USER, Host, archive
from lab.image import base_image
from lab.keys import AddressBook, Key
from lab.ports import free_port
from lab.registry import Login, Registry, registry
from lab.relay import Relay
from lab.repository import GitHost
from lab.services import Services

# What systemd needs in a container short of --privileged.
BOOT = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--env", "container=docker"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"),
    # How to tell systemd to shut down.
    *("--stop-signal", "SIGRTMIN+3"),
)
DEPLOY_UID, GIT_UID = 1000, 1001
BOOTS_AT_ONCE = 4
ATTEMPTS = 5
Files = Mapping[str, tuple[int, int, str | bytes]]
"""Owner (uid and gid alike), mode and content of each."""
PORT_TAKEN = re.compile("address already in use|port is already allocated")


@dataclass(frozen=True)
class ComposeHost:
    """A host, and the engine in it."""

    host: Host
    daemon: Daemon

    @property
    def url(self) -> str:
        """The DOCKER_HOST, for who has an `ssh` that knows the host (`Lab.client_path`)."""
        return f"ssh://{self.host.name}"


class Lab:
    """Hosts that can reach one another by name, and that this machine reaches at ports of 127.0.0.1."""

    def __init__(self, engine: Engine, lab_folder: Folder, run: str) -> None:
        self.engine = engine
        self.folder = folder = runs.folder_of(lab_folder, run)
        self.key = Key.new(folder / "id_ed25519")
        self.deploy_key = Key.new(folder / "deploy_key")
        self.addresses = AddressBook(folder, self.key)
        self._lab_folder = lab_folder
        self._labels = runs.labels(lab_folder, run)
        self._network = f"fraisier-lab-{folder.name}"
        self._numbers, self._engines, self._registries, self._configs = count(1), count(1), count(1), count(1)
        self._git_host_key = Key.new(folder / "git.host_key")
        option = f"com.docker.network.bridge.name={runs.bridge_name(lab_folder, run)}"
        engine.docker("network", "create", *self._labels, "--opt", option, self._network)

    @cached_property
    def _image(self) -> str:
        return base_image(self.engine, self._lab_folder)

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
            self._remove_hosts(names)

    @contextmanager
    def daemon(self, megabytes: int = MEGABYTES) -> Iterator[Daemon]:
        """Give an engine of a test's own, which is empty and has a disk of that size."""
        folder = self.folder / f"engine-{next(self._engines)}"
        with daemon(folder, self.docker_config(), megabytes) as started:
            yield started

    @contextmanager
    def registry(self, login: Login | None = None) -> Iterator[Registry]:
        """Give an empty image registry, which asks for a login if one is given."""
        folder = self.folder / f"registry-{next(self._registries)}"
        with registry(tools.registry(self._lab_folder), folder, login) as started:
            yield started

    @cached_property
    def services(self) -> Services:
        """Images of services for Compose projects."""
        return Services(tools.busybox(self._lab_folder))

    def docker_config(self) -> Path:
        """Make a DOCKER_CONFIG without logins, where docker finds Compose."""
        return tools.docker_config(self._lab_folder, self.folder / f"docker-config-{next(self._configs)}")

    @cached_property
    def client_path(self) -> str:
        """A PATH on which `ssh` knows the hosts by name, for those who call it themselves, such as docker."""
        folder = self.folder / "bin"
        folder.mkdir()
        script = folder / "ssh"
        script.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.ssh_config} "$@"\n')
        script.chmod(0o755)
        return os.pathsep.join([str(folder), os.environ["PATH"]])

    @contextmanager
    def compose_host(self, *registries: Registry) -> Iterator[ComposeHost]:
        """Give a host with an engine that is reached over SSH alone, and pulls from registries by their addresses.

        It runs sshd and nothing else: the engine is on its network, and the engine's socket where it belongs.
        """
        name = f"host-{next(self._numbers)}"
        folder = self.folder / f"engine-{next(self._engines)}"
        (folder / "api").mkdir(parents=True)
        files: Files = {
            # What is in /run comes with each boot.
            "etc/tmpfiles.d/engine.conf": (0, 0o644, "L /run/docker.sock - - - - /srv/engine/docker.sock\n"),
            **self._login(),
        }
        options = ["--volume", f"{folder / 'api'}:/srv/engine"]
        with ExitStack() as stack:
            stack.callback(self._remove_hosts, [name])
            host = self._boot(name, USER, Key.new(self.folder / f"{name}.host_key"), files, options)
            process = self.engine.docker("inspect", "--format", "{{.State.Pid}}", host.container).stdout
            for each in registries:
                there = int(each.address.rpartition(":")[2])
                stack.enter_context(Relay(there, inside=int(process), port=there))
            started = daemon(folder, self.docker_config(), inside=int(process))
            yield ComposeHost(host, stack.enter_context(started))

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
            f"{home}/id_ed25519": (DEPLOY_UID, 0o600, self.deploy_key.private),
            f"{home}/known_hosts": (DEPLOY_UID, 0o600, f"git {self._git_host_key.public}\n"),
        }
        return self._boot(name, USER, Key.new(self.folder / f"{name}.host_key"), {**keys, **self._login()})

    def _login(self) -> Files:
        return {"home/deploy/.ssh/authorized_keys": (DEPLOY_UID, 0o600, f"{self.key.public}\n")}

    def _remove_hosts(self, names: list[str]) -> None:
        containers = [self._container(name) for name in names]
        # Those that did not come to be are no error.
        self.engine.docker("rm", "--force", "--volumes", *containers, check=False)
        for name in names:
            self.addresses.remove(name)

    def _boot(self, name: str, user: str, host_key: Key, files: Files, options: Sequence[str] = ()) -> Host:
        keys = (("key", 0o600, host_key.private), ("key.pub", 0o644, host_key.public))
        own: Files = {f"etc/ssh/ssh_host_ed25519_{path}": (0, mode, text) for path, mode, text in keys}
        container = self._container(name)
        # Somebody else may take the port in between: then another one.
        for attempt in count(1):
            port = free_port()
            self._create(container, name, port, archive({**files, **own}), options)
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

    def _create(self, container: str, name: str, port: int, files: bytes, options: Sequence[str]) -> None:
        named = ["--name", container, "--hostname", name, "--network", self._network, "--network-alias", name]
        published = ["--publish", f"127.0.0.1:{port}:22"]
        described = [*self._labels, *named, *published, *BOOT, *options]
        self.engine.docker("create", *described, self._image, "/sbin/init")
        self.engine.docker("cp", "-", f"{container}:/", stdin=files)

    def _container(self, name: str) -> str:
        return f"{self._network}-{name}"


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Open a run of the lab on the engine that is there or can be started, and leave nothing of it behind."""
    folder = Folder.of_environment()
    with engine_in_use(folder) as engine, runs.registered(engine, folder) as run:
        yield Lab(engine, folder, run)
