"""What an engine that died badly leaves on the machine: processes, mounts, bridges, control groups."""

from __future__ import annotations

import fnmatch
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from lab import runs
from lab.folder import Folder

CGROUPS = Path("/sys/fs/cgroup")


def cgroup_name(folder: Folder) -> str:
    """Return the control group under which all containers of the lab's own engine are."""
    return "fraisier-lab-" + sha256(str(folder.root).encode()).hexdigest()[:8]


def pidfile(folder: Folder) -> Path:
    """Return where the lab's own dockerd writes its pid."""
    return folder.engine / "docker.pid"


def remove(folder: Folder) -> None:
    """End every process of the lab's own engine, and take away its mounts, bridges and control groups."""
    exec_root = folder.engine / "exec"
    for path in (pidfile(folder), exec_root / "containerd" / "containerd.pid"):
        _end_daemon(path, folder)
    for group in cgroups(cgroup_name(folder)):
        _kill_members(group)
    _kill_shims(folder)
    for mount in _mounts(folder.engine):
        subprocess.run(["umount", "--lazy", mount], check=True, timeout=30)
    for bridge in Path("/sys/class/net").glob(runs.bridge_prefix(folder) + "*"):
        subprocess.run(["ip", "link", "delete", bridge.name], check=True, timeout=30)
    remove_cgroups(cgroup_name(folder))
    shutil.rmtree(exec_root, ignore_errors=True)


def remove_cgroups(name: str) -> None:
    """Take away the control groups of an engine that has ended."""
    for group in cgroups(name):
        _remove_cgroup(group)


def cgroups(name: str) -> list[Path]:
    """Find a group in every hierarchy: with version 1 it is below the group that dockerd itself was in."""
    # Not rglob, which trips over groups that come and go while it looks.
    return [Path(above, group) for above, groups, _ in os.walk(CGROUPS) for group in fnmatch.filter(groups, name)]


def _end_daemon(path: Path, folder: Folder) -> None:
    with suppress(FileNotFoundError, ValueError):
        pid = int(path.read_text())

        def runs_on() -> bool:
            # The pid may long belong to somebody else, or to a zombie, which has no command.
            return str(folder.engine) in _command(pid)

        if runs_on():
            _signal(pid, signal.SIGTERM)
            if not _within(20, lambda: not runs_on()):
                _signal(pid, signal.SIGKILL)
        path.unlink(missing_ok=True)


def _kill_shims(folder: Folder) -> None:
    """Kill what supervises the containers, when its own daemon is no longer there to end it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            command = _command(int(entry.name))
            if "containerd-shim" in command.partition("\0")[0] and str(folder.engine) in command:
                _signal(int(entry.name), signal.SIGKILL)


def _kill_members(group: Path) -> None:
    def empty() -> bool:
        members = [pid for above, _, _ in os.walk(group) for pid in _pids(Path(above, "cgroup.procs"))]
        for pid in members:
            _signal(pid, signal.SIGKILL)
        return not members

    _within(10, empty)


def _remove_cgroup(group: Path) -> None:
    for inner, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(inner).rmdir()
    # A group whose last process is still being buried is busy for a moment.
    _within(5, lambda: _removed(group))


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


def _mounts(below: Path) -> list[str]:
    with suppress(FileNotFoundError):
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return [mount for mount in reversed(mounts) if Path(mount).is_relative_to(below)]
    return []


def _pids(path: Path) -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in path.read_text().split()]
    return []


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
