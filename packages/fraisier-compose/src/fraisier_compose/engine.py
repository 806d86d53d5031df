"""What `docker info` tells of the engine, and of the docker command here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Final

import msgspec

from fraisier_compose.docker import Docker

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class Plugin(msgspec.Struct, frozen=True, rename="pascal"):
    """A plugin of the docker command."""

    name: str = ""
    version: str = ""


class Client(msgspec.Struct, frozen=True, rename="pascal"):
    """The docker command itself."""

    version: str = ""
    plugins: list[Plugin] | None = None


class Index(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine was told of a registry."""

    secure: bool = True


class Registries(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine was told of registries."""

    index_configs: Mapping[str, Index] | None = None
    insecure: list[str] | None = msgspec.field(default=None, name="InsecureRegistryCIDRs")


class Engine(msgspec.Struct, frozen=True, rename="pascal"):
    """What `docker info` tells."""

    server_version: str = ""
    architecture: str = ""
    docker_root_dir: str = ""
    name: str = ""
    client_info: Client = Client()
    registry_config: Registries | None = None
    server_errors: list[str] | None = None

    @property
    def platform(self) -> str:
        """Its architecture as images name it."""
        return _ARCHITECTURES.get(self.architecture, self.architecture)

    @property
    def compose_version(self) -> str:
        """The version of the Compose plugin, or an empty text."""
        found = (each.version for each in self.client_info.plugins or [] if each.name == "compose")
        return next(found, "").removeprefix("v")

    def trusts_without_tls(self, registry: str) -> bool:
        """Tell whether the engine speaks to a registry without TLS, or without knowing its certificate."""
        known = self.registry_config or Registries()
        if index := (known.index_configs or {}).get(registry):
            return not index.secure
        with suppress(ValueError):
            address = ip_address(registry.rpartition(":")[0] if ":" in registry else registry)
            return any(address in ip_network(each) for each in known.insecure or [])
        return registry.partition(":")[0] == "localhost"


def read(docker: Docker) -> Engine:
    """Ask the engine.

    Raises:
        TargetError: it does not answer.
    """
    told = docker.try_engine("info", "--format", "{{json .}}", timeout=docker.patience)
    with suppress(msgspec.MsgspecError):
        found = msgspec.json.decode(told.stdout, type=Engine)
        if found.server_version and not found.server_errors:
            return found
    # It says why in fewer words.
    docker.engine("cannot use the engine", "version", timeout=docker.patience)
    return Engine()
