"""The user's Compose file, read by Compose itself, so that all in it means what it means there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fraisier import ConfigError, TargetError

from fraisier_compose.docker import Docker
from fraisier_compose.failures import lacking_compose, spoken, warnings
from fraisier_compose.options import Options
from fraisier_compose.reference import Reference, at, is_version

_ANY: Final = "fraisier-any-version"
"""Stands for a version in a file that is read before the version is known; no other text may be like it."""


class Port(msgspec.Struct, frozen=True):
    """One entry of a service's `ports`."""

    target: int
    published: str = ""
    """A number, a range, or nothing: then the engine chooses."""
    host_ip: str = ""
    protocol: str = "tcp"


class HealthCheck(msgspec.Struct, frozen=True):
    """A service's `healthcheck`."""

    test: list[str] | None = None
    disable: bool = False


class Deploy(msgspec.Struct, frozen=True):
    """What matters here of a service's `deploy`."""

    replicas: int | None = None


class Service(msgspec.Struct, frozen=True):
    """What matters here of a service."""

    image: str = ""
    build: Mapping[str, Any] | None = None
    ports: list[Port] = []
    healthcheck: HealthCheck | None = None
    platform: str = ""
    scale: int | None = None
    deploy: Deploy | None = None
    container_name: str = ""

    @property
    def replicas(self) -> int:
        """How many containers the file asks for."""
        given = self.scale if self.scale is not None else self.deploy.replicas if self.deploy else None
        return 1 if given is None else given


class ComposeFile(msgspec.Struct, frozen=True):
    """A project as Compose understands it, with one version put in."""

    name: str
    services: dict[str, Service] = {}
    warnings: list[str] = []
    """What Compose said of it besides."""
    text: bytes = b""
    """The whole of it, as JSON."""
    versioned: frozenset[str] = frozenset()
    """The services in whose image's tag the version is put, as with `image: app:${VERSION}-alpine`."""

    def configuration(self, options: Options) -> str:
        """Return a hash of all that the services are started with, but for their images."""
        services = json.loads(self.text)["services"]
        wanted = {name: {**services[name], "image": ""} for name in options.services}
        given = {name: value.reveal() for name, value in options.environment.items()}
        return hashlib.sha256(json.dumps([wanted, given], sort_keys=True).encode()).hexdigest()[:16]


def read(docker: Docker, options: Options, version: str | None) -> ComposeFile:
    """Read the file with a version, or with none: then its own defaults count.

    Raises:
        ConfigError: it is not right, or lacks a service; with Compose's own words.
    """
    variables = {} if version is None else {options.version_variable: version}
    found = docker.try_compose("config", "--format", "json", variables=variables)
    if found.exit_code != 0:
        raise lacking_compose(found.lines) or _broken(options, found.lines)
    file = msgspec.json.decode(found.stdout, type=ComposeFile)
    file = msgspec.structs.replace(file, warnings=warnings(found.stderr), text=found.stdout)
    for name in options.services:
        if name not in file.services:
            known = ", ".join(sorted(file.services)) or "none"
            raise ConfigError(
                f"there is no service {name} in {_named(options)}; its services: {known}",
                hint="set service_name, or profiles if it belongs to one",
            )
    return file


def read_for_any(docker: Docker, options: Options) -> ComposeFile:
    """Read the file once for every version: `with_version` puts one in."""
    return read(docker, options, _ANY)


def with_version(file: ComposeFile, version: str) -> ComposeFile:
    """Return a file that was read for any version as Compose reads it with this one."""
    versioned = frozenset(name for name, each in file.services.items() if _ANY in Reference.of(each.image).tag)
    # As JSON has it, in case it is no tag: then it is refused a moment later.
    text = file.text.replace(_ANY.encode(), msgspec.json.encode(version)[1:-1])
    put = msgspec.json.decode(text, type=ComposeFile)
    return msgspec.structs.replace(put, warnings=file.warnings, text=text, versioned=versioned)


def image_of(options: Options, file: ComposeFile, service: str, version: str | None) -> Reference:
    """Return which image of a service a version means.

    Args:
        options: the target's.
        file: the file with this version.
        service: its name.
        version: a tag or a digest, or None for what the file itself says.

    Raises:
        TargetError: the version is no tag and no digest, or there is none.
    """
    if version is not None and not is_version(version):
        hint = "name a tag or a digest: fraisier deploy --version V"
        raise TargetError(f"{version!r} is neither an image's tag nor a digest", hint=hint)
    written = file.services[service].image
    if options.image is None and written and not _is_complete(written):
        hint = "name a version: fraisier deploy --version V"
        raise TargetError(f"the image of {service} is {written!r} without a version", hint=hint)
    own = Reference.of(options.image or written or f"{file.name}-{service}")
    if version is None:
        return own if own.digest or own.tag else own._replace(tag="latest")
    taken_as_it_is = options.image is None and service in file.versioned
    return own if taken_as_it_is else Reference.of(at(own.repository, version))


def _is_complete(written: str) -> bool:
    """Tell whether an image's name has no hole where a variable was not set."""
    return not written.endswith((":", "@", "/"))


def _broken(options: Options, lines: list[str]) -> ConfigError:
    return ConfigError(
        f"{_named(options)}: {spoken(lines)}",
        hint=f"see: docker compose {' '.join(f'-f {each}' for each in options.files)} config",
        log=lines[-50:],
    )


def _named(options: Options) -> str:
    return ", ".join(options.files)
