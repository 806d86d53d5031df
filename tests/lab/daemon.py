"""A Docker engine of a test's own, to be restarted, killed and filled up without disturbing anybody else.

It lives in a PID and a mount namespace of which the first process reads from us, so that however we end, the
kernel ends every process of it. Its data are in memory, which makes it quick and its disk small. What it publishes
on 127.0.0.1 is on this machine's, or on a host's; what can outlive it is found by the pool of its addresses.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import pools
from lab.engine import ENGINE_TOOLS, Engine, missing
from lab.folder import LabError

# `deploy` on hosts, and nobody here: the folder above belongs to one user.
GROUP = 1000
MEGABYTES = 512
# Its pid, as this machine counts, is only to be had from the old /proc. It ignores the ends of children, so that
# the kernel buries those who lost their parent: a dockerd takes a zombie of its containerd for a living one.
WORLD = """
read -r pid rest < /proc/self/stat
mount -t proc proc /proc
echo "$pid"
exec env --ignore-signal=CHLD cat
"""


class Daemon:
    """A dockerd that runs, and the DOCKER_CONFIG with which clients find Compose and no login."""

    def __init__(self, folder: Path, config: Path, world: int, pool: int) -> None:
        self.folder = folder
        self.config = config
        self.engine = Engine(f"unix://{self.socket}")
        self._world = world
        self.pool = pool
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens, in a folder in which nothing else is."""
        return self.folder / "api" / "docker.sock"

    @property
    def url(self) -> str:
        """The DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def environment(self) -> dict[str, str]:
        """What a docker command needs in its environment to reach it."""
        return {"DOCKER_HOST": self.url, "DOCKER_CONFIG": str(self.config)}

    def start(self) -> None:
        """Start it, and wait until it answers; containers start again as their restart policies say."""
        with (self.folder / "dockerd.log").open("ab") as output:
            self._process = subprocess.Popen(
                self._inside("dockerd", *self._settings()), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + 60
        while not self.engine.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"a test's dockerd did not start:\n{self._last_words()}")
            time.sleep(0.02)

    def stop(self, *, hard: bool = False) -> None:
        """End it as systemd does, containers included, or kill it: then they run on until it starts again."""
        if self._process is None:
            return
        signal = "KILL" if hard else "TERM"
        command = self._inside("sh", "-c", f"kill -{signal} $(cat {self._pidfile})")
        subprocess.run(command, check=True, timeout=30)
        self.ended()
        # One that was killed leaves it behind, and its pid may be somebody else's by then.
        self._pidfile.unlink(missing_ok=True)

    def ended(self) -> None:
        """Wait until it has ended, if it ran."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise LabError(f"a test's dockerd did not end:\n{self._last_words()}") from None
        self._process = None

    def restart(self, *, hard: bool = False) -> None:
        """Stop or kill it, and start it again."""
        self.stop(hard=hard)
        self.start()

    def fill(self, leaving: int = 0) -> None:
        """Use up its disk, but for some bytes."""
        filler = self._data / ".filler"
        filler.unlink(missing_ok=True)
        with filler.open("wb", buffering=0) as output:
            piece = bytes(1 << 20)
            while piece:
                try:
                    written = output.write(piece)
                except OSError:
                    written = 0
                # The last piece was cut short: try the rest in smaller ones.
                piece = piece if written == len(piece) else piece[: len(piece) // 2]
            output.truncate(max(0, output.tell() - leaving))

    def free(self) -> None:
        """Give back what `fill` took."""
        (self._data / ".filler").unlink(missing_ok=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _pidfile(self) -> Path:
        return self.folder / "docker.pid"

    def _inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self._world}", "--mount", "--net", "--pid", *command]

    def _settings(self) -> list[str]:
        settings = self.folder / "daemon.json"
        settings.write_text("{}")
        return [
            *("--config-file", str(settings)),
            *("--host", self.url),
            *("--group", str(GROUP)),
            *("--data-root", str(self._data)),
            *("--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self._pidfile)),
            *("--cgroup-parent", pools.name(self.pool)),
            *("--default-address-pool", f"base={pools.POOLS[self.pool]},size=28"),
            # A pull that is cut fails at once, instead of after a minute of trying again.
            "--max-download-attempts=1",
            # No way out of its networks, and no change to the machine's own.
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"),
        ]

    def _last_words(self) -> str:
        return "\n".join((self.folder / "dockerd.log").read_text(errors="replace").splitlines()[-5:])


def problem() -> str | None:
    """Return why a test can have no engine of its own here, or None."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "only root on Linux can start an engine"
    if lacking := missing(ENGINE_TOOLS):
        return f"{', '.join(lacking)} missing to start an engine"
    return None


@contextmanager
def daemon(folder: Path, config: Path, megabytes: int = MEGABYTES, inside: int | None = None) -> Iterator[Daemon]:
    """Give an engine that is empty and answers, on this machine's network or that of another process."""
    for inner in ("api", "data"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    (folder / "api").chmod(0o755)
    network = [] if inside is None else ["nsenter", f"--target={inside}", "--net"]
    world = [*network, "unshare", "--pid", "--mount", "--fork", "--kill-child=KILL", "sh", "-ec", WORLD]
    with pools.pool() as pool:
        # The source may be any word, and is what it is found by.
        disk = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", pools.name(pool), str(folder / "data")]
        subprocess.run(["mount", *disk], check=True, timeout=30)
        first = subprocess.Popen(world, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert first.stdout is not None
        pid = first.stdout.readline().strip()
        if not pid:
            first.communicate(timeout=30)
            raise LabError("a test's engine cannot have namespaces of its own")
        made = Daemon(folder, config, int(pid), pool)
        try:
            made.start()
            yield made
        finally:
            # The first process reads the end, and with it all others of its namespace are killed.
            first.communicate(timeout=30)
            made.ended()
