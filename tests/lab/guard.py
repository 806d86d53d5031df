"""The guard: a process that runs the lab's engine for as long as somebody uses it, and cleans up after the dead.

It is in a session of its own, so Ctrl-C in the terminal of the tests does not reach it. Whether a user ended well,
was interrupted or was killed makes no difference to it: all it sees is a lock that has become free.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lab import remains, runs
from lab.engine import USERS, Engine, own
from lab.folder import Folder, LabError

TICK = 0.2
READY = "ready"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 4096


def guard(folder: Folder, *, own_engine: bool) -> int:
    """Put a guard to work in the background, unless one is; return as soon as its engine answers."""
    lock = folder.guard
    if not lock.hold(wait=False):
        return 0
    answer, question = os.pipe()
    if os.fork():
        # The child has the same open file, hence the lock.
        os.close(question)
        with os.fdopen(answer) as said:
            verdict = said.read()
        if verdict == READY:
            return 0
        print(verdict or f"the lab's guard died, see {folder.root / 'guard.log'}", file=sys.stderr)
        return 1
    os.close(answer)
    _leave_the_terminal(folder)
    try:
        with _room_for_hosts(), _dockerd(folder) if own_engine else nullcontext(USERS) as engine:
            _tell(question, READY)
            _watch(engine, folder)
    except LabError as error:
        print(error, file=sys.stderr, flush=True)
        with suppress(OSError):
            _tell(question, str(error))
    except Exception:
        traceback.print_exc()
        raise
    finally:
        lock.free()
        # Not through the interpreter's exit, which belongs to the parent.
        os._exit(0)


def _tell(question: int, verdict: str) -> None:
    os.write(question, verdict.encode())
    os.close(question)


def _watch(engine: Engine, folder: Folder) -> None:
    users = folder.users
    try:
        while folder.kept.exists() or not users.hold(wait=False):
            runs.remove_dead(engine, folder)
            time.sleep(TICK)
    finally:
        # Also when we are told to end while the lab is in use.
        runs.remove_all(engine, folder)


@contextmanager
def _room_for_hosts() -> Iterator[None]:
    """Allow what many systemds need, where we may: a user has 128 inotify instances, and each host takes six."""
    before = INOTIFY.read_text() if os.access(INOTIFY, os.W_OK) else ""
    if not before or int(before) >= ENOUGH:
        yield
        return
    INOTIFY.write_text(str(ENOUGH))
    try:
        yield
    finally:
        INOTIFY.write_text(before)


@contextmanager
def _dockerd(folder: Folder) -> Iterator[Engine]:
    """Run the lab's own engine, which is reached through its socket alone."""
    remains.remove(folder)
    folder.engine.mkdir(exist_ok=True)
    settings = folder.engine / "daemon.json"
    settings.write_text("{}")
    log = folder.engine / "dockerd.log"
    command = [
        # However we end, dockerd ends its containers and then itself.
        *("setpriv", "--pdeathsig", "TERM", "dockerd"),
        # An empty file of settings, so that the machine's own is not read.
        *("--config-file", str(settings)),
        *("--host", f"unix://{folder.socket}"),
        *("--data-root", str(folder.engine / "data")),
        *("--exec-root", str(folder.engine / "exec")),
        *("--pidfile", str(remains.pidfile(folder))),
        *("--cgroup-parent", remains.cgroup_name(folder)),
        # No way out of the lab's networks, and no change to the machine's own.
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"),
    ]
    with log.open("wb") as output:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
    engine = own(folder)
    try:
        deadline = time.monotonic() + 60
        while not engine.answers():
            if daemon.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise LabError(f"dockerd did not start; the end of {log}:\n{last}")
            time.sleep(0.05)
        yield engine
    finally:
        daemon.terminate()
        try:
            daemon.wait(timeout=30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        remains.remove(folder)


def _leave_the_terminal(folder: Folder) -> None:
    os.setsid()
    os.chdir("/")
    log = os.open(folder.root / "guard.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, descriptor)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
