"""The Docker engine: the user's own where one answers, else one that the guard runs for the lab alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.folder import Folder, LabError

# What the lab calls on the machine that runs the tests, and the Debian package that has it.
CLIENT_TOOLS = {"git": "git", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
ENGINE_TOOLS = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}

# As the tests were started, whatever one of them sets for itself later.
ENVIRONMENT = dict(os.environ)


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers at an address, or where the user's own settings say."""

    address: str | None

    def docker(
        self, *arguments: str, stdin: bytes | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a docker command; one that fails is a LabError with what it said."""
        where = [] if self.address is None else ["--host", self.address]
        command = ["docker", *where, *arguments]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                env=ENVIRONMENT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"`{' '.join(command)}` had not ended after {timeout:.0f} s") from None
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode:
            raise LabError(f"`{' '.join(command)}` ended with {done.returncode}: {(err or out).strip()}")
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    def answers(self) -> bool:
        """Tell whether an engine for Linux containers answers here."""
        if shutil.which("docker") is None:
            return False
        try:
            told = self.docker("version", "--format", "{{.Server.Os}}", check=False, timeout=10)
        except LabError:
            return False
        return told.returncode == 0 and told.stdout.strip() == "linux"


USERS = Engine(None)


def own(folder: Folder) -> Engine:
    """Return the lab's own engine, whether it runs or not."""
    return Engine(f"unix://{folder.socket}")


def missing(tools: dict[str, str]) -> list[str]:
    """Return those tools that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool) is None]


def problem() -> str | None:
    """Return why there can be no lab here as the machine is, or None; nothing is started to find out."""
    if lacking := missing(CLIENT_TOOLS):
        return f"{', '.join(lacking)} missing"
    if USERS.answers():
        return None
    if sys.platform != "linux" or os.getuid() != 0:
        return "no Docker engine answers, and only root on Linux can start one"
    if lacking := missing(ENGINE_TOOLS):
        return f"no Docker engine answers, and {', '.join(lacking)} missing to start one"
    return None


@contextmanager
def engine_in_use(folder: Folder) -> Iterator[Engine]:
    """Give an engine that stays while we are in here, and that our guard cleans up when the last user has gone."""
    if why := problem():
        raise LabError(why)
    folder.create()
    users = folder.users
    # Waits while a guard is ending the engine: it holds this lock until all is gone.
    users.hold(shared=True)
    try:
        engine = USERS if USERS.answers() else own(folder)
        start_guard(folder, own_engine=engine is not USERS)
        _wait_for(engine)
        yield engine
    finally:
        users.free()
        _see_it_end(folder)


def start_guard(folder: Folder, *, own_engine: bool) -> None:
    """Have a guard at work: the one that is there, or a new one, which outlives this process."""
    command = [sys.executable, "-m", "lab", "guard", str(folder.root), *(["--own-engine"] if own_engine else [])]
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    started = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    if started.returncode:
        raise LabError(started.stderr.strip() or f"the lab's guard ended with {started.returncode}")


def _see_it_end(folder: Folder) -> None:
    """Wait until the guard has ended, when we were the last user."""
    guard, users = folder.guard, folder.users
    while not folder.kept.exists() and not guard.hold(wait=False):
        if users.hold(wait=False):
            # Nobody is there, and the guard is about to notice.
            users.free()
        elif users.hold(shared=True, wait=False):
            # Somebody else is there, and it is not the guard, which holds it alone while it ends.
            users.free()
            return
        time.sleep(0.1)
    guard.free()


def _wait_for(engine: Engine) -> None:
    # Another process may have started the guard just now, and its engine is on its way.
    deadline = time.monotonic() + 60
    while not engine.answers():
        if time.monotonic() > deadline:
            raise LabError("the lab's engine did not answer within 60 s")
        time.sleep(0.1)
