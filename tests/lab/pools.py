"""Addresses for the networks of tests' own engines, one pool for each, by which what a dead one left is found.

That is its bridges, which have names of its own choice, its disk and its control groups. Who holds a pool is told
by a name among the kernel's abstract sockets, which is free again however the holder ends.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab import remains
from lab.folder import LabError

# Kept for measuring devices (RFC 2544): no machine routes them.
POOLS = list(IPv4Network("198.18.0.0/15").subnets(new_prefix=22))
NAME = "fraisier-lab-pool-"


@contextmanager
def pool() -> Iterator[int]:
    """Give the number of a pool that nobody else has; afterwards nothing is left of who used it."""
    for number in range(len(POOLS)):
        holder = _hold(number)
        if holder is not None:
            break
    else:
        raise LabError(f"all {len(POOLS)} pools of addresses are in use")
    with holder:
        _clean(number)
        try:
            yield number
        finally:
            _clean(number)


def name(number: int) -> str:
    """Return what the disk and the control group of the engine that uses a pool are called."""
    return f"{NAME}{number}"


def remove_dead() -> None:
    """Take away what is left of engines whose process has gone, where there can have been any."""
    if sys.platform != "linux" or os.getuid() != 0 or shutil.which("ip") is None:
        return
    for number in {*(number for number, _ in bridges()), *(number for number, _ in disks()), *_groups()}:
        if holder := _hold(number):
            with holder:
                _clean(number)


def _hold(number: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0{name(number)}")
    except OSError:
        holder.close()
        return None
    return holder


def _clean(number: int) -> None:
    # This waits until the containers are gone.
    remains.remove_cgroups(name(number))
    parts = [(found, ["ip", "link", "delete", bridge]) for found, bridge in bridges()]
    parts += [(found, ["umount", "--lazy", disk]) for found, disk in disks()]
    for found, command in parts:
        if found == number:
            # An engine that is dying may have done it itself by now.
            subprocess.run(command, capture_output=True, check=False, timeout=30)


def disks() -> list[tuple[int, str]]:
    """Return where the disks are mounted, and the numbers of their pools."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [(int(words[0].removeprefix(NAME)), words[1]) for words in mounts if words[0].startswith(NAME)]


def bridges() -> list[tuple[int, str]]:
    """Return the bridges with an address of ours, and the number of its pool."""
    told = subprocess.run(
        ["ip", "-json", "-4", "address", "show", "type", "bridge"], capture_output=True, check=True, timeout=30
    )
    addresses = [
        (IPv4Address(info["local"]), link["ifname"])
        for link in json.loads(told.stdout or "[]")
        for info in link.get("addr_info", ())
    ]
    return [(number, link) for address, link in addresses for number, own in enumerate(POOLS) if address in own]


def _groups() -> list[int]:
    return [int(path.name.removeprefix(NAME)) for path in remains.cgroups(f"{NAME}*")]
