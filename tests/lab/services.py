"""Images of services for Compose projects: busybox and a script each, made without an engine.

A script finds its version in the file `/version` and in no variable, so that what answers is what was deployed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lab.host import archive

PORT = 8080
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Of the file format ELF: where a program says for which machine it is.
MACHINE_AT, ANOTHER_MACHINE = 18, b"\xf3\x00"
ASK = f"wget -q -O /dev/null http://127.0.0.1:{PORT}"

WEB = f"""
env > /www/environment
cp /version /www/index.html
echo "serving $(cat /version)"
sleep ${{START_DELAY:-0}}
exec httpd -f -p {PORT} -h /www
"""
CRASHING = """
echo >> /starts
[ $(wc -l < /starts) -gt {times} ] || {{ echo "crashing"; exit 1; }}
"""
EXITING = """
echo "$(cat /version) cannot start"
exit {code}
"""
WORKER = """
trap 'exit 0' TERM
while :; do echo "working $(cat /version)"; sleep 0.2 & wait; done
"""
MIGRATION = """
cat /version >> /data/migrations
echo "migrated to $(cat /version)"
"""
DATABASE = f"""
[ -e /data/created ] || cat /proc/sys/kernel/random/uuid > /data/created
echo "serving what was created as $(cat /data/created)"
exec httpd -f -p {PORT} -h /data
"""


@dataclass(frozen=True)
class Image:
    """An image for one architecture: its layers as gzipped tars, and how it is run."""

    layers: tuple[bytes, ...]
    run: dict[str, Any] = field(repr=False)
    architecture: str = ARCHITECTURES.get(platform.machine(), platform.machine())

    @cached_property
    def config(self) -> bytes:
        """The document by whose digest an engine knows the image: its image id."""
        unpacked = [_digest(gzip.decompress(layer)) for layer in self.layers]
        told = {
            "architecture": self.architecture,
            "os": "linux",
            "config": self.run,
            "rootfs": {"type": "layers", "diff_ids": unpacked},
            "history": [{"created_by": "the lab"} for _ in unpacked],
        }
        return json.dumps(told).encode()

    @property
    def id(self) -> str:
        """The image id: `sha256:…`."""
        return _digest(self.config)


class Services:
    """Makes the images; each takes a version, and any string is one."""

    def __init__(self, busybox: Path) -> None:
        self._program = busybox.read_bytes()

    def web(self, version: str) -> Image:
        """Serve the version at `/`, the environment at `/environment`, and `/health`, which Docker asks too.

        START_DELAY in its environment is how many seconds it takes before it listens.
        """
        return self._service(version, WEB, healthy=f"{ASK}/health", patience=30)

    def unchecked(self, version: str) -> Image:
        """Be `web` without a health check."""
        return self._service(version, WEB)

    def unhealthy(self, version: str) -> Image:
        """Be `web`, and never healthy."""
        return self._service(version, WEB, healthy=f"{ASK}/missing")

    def exiting(self, version: str, code: int = 3) -> Image:
        """Say that it cannot start, and exit."""
        return self._service(version, EXITING.format(code=code))

    def crashing(self, version: str, times: int = 2) -> Image:
        """Exit with 1 at the first starts of a container, and be `unchecked` from then on."""
        return self._service(version, CRASHING.format(times=times) + WEB)

    def worker(self, version: str) -> Image:
        """Say `working VERSION` five times a second."""
        return self._service(version, WORKER)

    def migration(self, version: str) -> Image:
        """Add a line with the version to `/data/migrations`, and exit with 0."""
        return self._service(version, MIGRATION, volumes=["/data"])

    def database(self, version: str) -> Image:
        """Serve what is in `/data`, where `created` is written once and holds a new id."""
        return self._service(version, DATABASE, volumes=["/data"])

    def big(self, version: str, megabytes: int = 16) -> Image:
        """Be `web` with a layer that does not compress, and is different each time."""
        image = self.web(version)
        return replace(image, layers=(*image.layers, _layer({"ballast": (0o644, os.urandom(megabytes << 20))})))

    def for_another_machine(self, version: str) -> Image:
        """Be `web` for an architecture that this machine cannot run, as its programs say too."""
        program = self._program[:MACHINE_AT] + ANOTHER_MACHINE + self._program[MACHINE_AT + 2 :]
        image = self.web(version)
        return replace(image, layers=(_busybox(program), *image.layers[1:]), architecture="riscv64")

    def _service(
        self, version: str, script: str, *, healthy: str = "", patience: int = 0, volumes: Sequence[str] = ()
    ) -> Image:
        files = {
            "version": (0o644, f"{version}\n".encode()),
            "service": (0o755, f"#!/bin/sh\n{script}".encode()),
            "www/health": (0o644, b"healthy\n"),
        }
        run: dict[str, Any] = {
            "Env": ["PATH=/bin"],
            "Cmd": ["/service"],
            "ExposedPorts": {f"{PORT}/tcp": {}},
            # A process that is the first one of its container does not end by a TERM that it does not expect.
            "StopSignal": "SIGKILL" if "httpd" in script else "SIGTERM",
        }
        if healthy:
            # In nanoseconds.
            run["Healthcheck"] = {
                "Test": ["CMD-SHELL", healthy],
                "Interval": 200_000_000,
                "Timeout": 5_000_000_000,
                "Retries": 3,
                "StartPeriod": patience * 1_000_000_000,
            }
        if volumes:
            run["Volumes"] = {volume: {} for volume in volumes}
        return Image((_busybox(self._program), _layer(files)), run)


@lru_cache
def _busybox(program: bytes) -> bytes:
    """Return the layer of which each image begins: busybox, by the names of what the scripts call."""
    names = ("sh", "cat", "cp", "echo", "env", "httpd", "ls", "ps", "rm", "sleep", "touch", "true", "wc", "wget")
    links = {f"bin/{name}": "busybox" for name in names}
    return _layer({"bin/busybox": (0o755, program), "tmp/.keep": (0o644, b"")}, links)


def _layer(files: dict[str, tuple[int, bytes]], links: dict[str, str] | None = None) -> bytes:
    """Return a gzipped tar of files of root, and of symbolic links."""
    return gzip.compress(
        archive({path: (0, mode, data) for path, (mode, data) in files.items()}, links), 1, mtime=0
    )


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
