"""That nothing of the lab is left behind, however a run or the lab itself ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab import pools, remains, runs
from lab.engine import own
from lab.folder import Folder
from lab.lab import Lab

RUN = """
import sys
from lab.lab import open_lab
with open_lab() as lab, lab.host() as host:
    print(host.container, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(environment: dict[str, str], run: str = RUN) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a process that has opened the lab and booted a host, and what it prints then: the host's container."""
    command = [sys.executable, "-c", run]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        container = process.stdout.readline().strip()
        if not container:
            pytest.fail(process.communicate(timeout=60)[1])
        try:
            yield process, container
        finally:
            process.kill()


def eventually(what: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.1)


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def processes_of(folder: Path) -> list[int]:
    """Return all that runs with a folder in its command line."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


def containers(lab: Lab) -> list[str]:
    return lab.engine.docker("ps", "--all", "--format", "{{.Names}}").stdout.split()


def networks(lab: Lab) -> list[str]:
    return lab.engine.docker("network", "ls", "--format", "{{.Name}}").stdout.split()


def test_a_run_leaves_nothing_and_the_next_one_finds_the_engine_as_it_was(
    lab: Lab, environment: dict[str, str]
) -> None:
    seen = []
    for _ in range(2):
        with another_run(environment) as (process, container):
            assert container in containers(lab)
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
        assert container not in containers(lab)
        assert container.removesuffix("-host-1") not in networks(lab)
        seen.append(container)
    assert seen[0] != seen[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_by_a_signal_is_cleaned_up_while_others_go_on(
    lab: Lab, environment: dict[str, str], number: signal.Signals
) -> None:
    with another_run(environment) as (process, container):
        process.send_signal(number)
        process.wait(timeout=60)
    eventually(lambda: container.removesuffix("-host-1") not in networks(lab))
    assert container not in containers(lab)
    run = container.removeprefix("fraisier-lab-").removesuffix("-host-1")
    eventually(lambda: not any(path.name.startswith(run) for path in Folder.of_environment().runs.iterdir()))


class AnotherLab:
    """A lab with a folder and an engine of its own, on the same base image."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "FRAISIER_LAB_FOLDER": str(root),
            # Where no engine answers, so that it starts its own.
            "DOCKER_HOST": f"unix://{root}/nobody.sock",
        }

    def command(self, name: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "lab", name]
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=120)

    def processes(self) -> list[int]:
        """Return what runs for it; its hosts' processes are below these."""
        return processes_of(self.folder.root)

    def left(self) -> dict[str, object]:
        """Return what there still is of it on this machine."""
        name, bridge = remains.cgroup_name(self.folder), runs.bridge_prefix(self.folder)
        found = {
            "processes": self.processes(),
            "mounts": [
                line for line in Path("/proc/mounts").read_text().splitlines() if str(self.folder.root) in line
            ],
            "bridges": list(Path("/sys/class/net").glob(f"{bridge}*")),
            "groups": remains.cgroups(name),
        }
        return {what: parts for what, parts in found.items() if parts}


@pytest.fixture
def another_lab(lab: Lab) -> Iterator[AnotherLab]:
    if os.getuid() != 0 or not (tarballs := list(Folder.of_environment().images.glob("*.tar"))):
        pytest.skip("only root can start an engine, and its base image is made without one")
    # A short path: those of sockets are limited.
    root = Path(tempfile.mkdtemp(prefix="lab-", dir="/var/tmp"))
    made = AnotherLab(root)
    made.folder.create()
    try:
        os.link(tarballs[0], made.folder.images / tarballs[0].name)
        # Nor is fetched what is there.
        made.folder.tools.symlink_to(Folder.of_environment().tools)
        yield made
    finally:
        made.command("down")
        remains.remove(made.folder)
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.slow
def test_a_lab_is_up_until_it_is_taken_down_and_then_nothing_is_left(another_lab: AnotherLab) -> None:
    assert another_lab.command("status").returncode == 1
    assert another_lab.command("up").returncode == 0
    for _ in range(2):
        with another_run(another_lab.environment) as (process, container):
            told = another_lab.command("status").stdout
            assert container in told
            refused = another_lab.command("down")
            assert refused.returncode == 1
            assert "tests are using it" in refused.stderr
            process.communicate(timeout=60)
        assert another_lab.command("status").stdout.startswith("up: ")
    assert another_lab.command("down").returncode == 0
    assert another_lab.left() == {}
    assert not another_lab.folder.root.exists()


@pytest.mark.slow
def test_a_lab_that_was_killed_as_a_whole_is_cleaned_up_by_the_next_one(another_lab: AnotherLab) -> None:
    with another_run(another_lab.environment) as (process, container):
        process.kill()
        for pid in another_lab.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=60)
    assert another_lab.left()
    with another_run(another_lab.environment) as (process, next_container):
        names = own(another_lab.folder).docker("ps", "--all", "--format", "{{.Names}}").stdout.split()
        assert (container in names, next_container in names) == (False, True)
        process.communicate(timeout=60)
    # The last user waits until the guard has ended.
    assert another_lab.left() == {}


@pytest.mark.slow
def test_the_engine_ends_with_its_guard(another_lab: AnotherLab) -> None:
    with another_run(another_lab.environment) as (process, _):
        [guard] = [pid for pid in another_lab.processes() if b"guard" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(guard, signal.SIGKILL)
        eventually(lambda: not own(another_lab.folder).answers())
        process.kill()
    assert another_lab.command("down").returncode == 0
    assert another_lab.left() == {}


RUN_OF_COMPOSE = """
import sys
from lab.lab import open_lab
with open_lab() as lab, lab.daemon() as daemon, lab.registry() as registry:
    daemon.engine.docker("network", "create", "own")
    registry.push("worker", "v1", lab.services.worker("v1"))
    daemon.engine.docker("run", "--detach", "--network", "own", registry.repository("worker") + ":v1")
    print(daemon.pool, lab.folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_engine_and_a_registry_end_with_their_process_however_it_ends(
    compose_lab: Lab, environment: dict[str, str], number: signal.Signals
) -> None:
    def left() -> list[str]:
        found = [f"{name} of {number}" for number, name in [*pools.bridges(), *pools.disks()]]
        kept = [each for each in found if each.endswith(f" of {pool}")]
        processes = [f"process {pid}" for pid in processes_of(folder)]
        return [*kept, *processes, *(f"folder {path}" for path in folder.parent.glob(f"{folder.name}*"))]

    with another_run(environment, RUN_OF_COMPOSE) as (process, printed):
        pool, path = printed.split()
        folder = Path(path)
        assert len(left()) > 5
        process.send_signal(number)
        process.wait(timeout=60)
    eventually(lambda: left() == [])
