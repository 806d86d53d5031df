"""What Compose projects find in the lab: engines of the tests' own, a registry, services, a way over SSH."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import faults
from lab.daemon import Daemon
from lab.folder import LabError
from lab.lab import ComposeHost, Lab
from lab.ports import free_port
from lab.registry import Registry
from lab.services import PORT, Image, Services

NONE: Mapping[str, str] = {}
Answer = subprocess.CompletedProcess[str]


def docker(daemon: Daemon, *words: str, check: bool = True, more: Mapping[str, str] = NONE) -> Answer:
    """Run a docker command as a provider would, with nothing of the developer's settings."""
    environment = os.environ | daemon.environment | dict(more)
    done = subprocess.run(["docker", *words], env=environment, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def answers(url: str, text: str) -> bool:
    try:
        return text in get(url)
    except OSError:
        return False


def state(daemon: Daemon, container: str) -> str:
    """Return status, exit code, restarts and health of a container, as docker tells them."""
    template = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{with .State.Health}}{{.Status}}{{end}}"
    return docker(daemon, "inspect", "--format", template, container).stdout.strip()


@contextmanager
def running(daemon: Daemon, registry: Registry, name: str, image: Image, *options: str) -> Iterator[str]:
    """Run a container of an image that is pushed under the container's name."""
    registry.push(name, "v1", image)
    docker(daemon, "run", "--pull=always", "--detach", "--name", name, *options, f"{registry.repository(name)}:v1")
    try:
        yield name
    finally:
        docker(daemon, "rm", "--force", "--volumes", name)


def test_a_compose_project_runs_what_was_pushed(
    shared_engine: Daemon, registry: Registry, services: Services, tmp_path: Path
) -> None:
    registry.push("project", "v1", services.web("v1"))
    port = free_port()
    project = {
        "services": {
            "web": {
                "image": f"{registry.repository('project')}:v1",
                "ports": [f"127.0.0.1:{port}:{PORT}"],
                "environment": {"COLOUR": "blue"},
            }
        }
    }
    (tmp_path / "compose.yaml").write_text(json.dumps(project))
    compose = ["compose", "--project-name", "project", "--project-directory", str(tmp_path)]
    try:
        docker(shared_engine, *compose, "up", "--detach", "--wait")
        assert get(f"http://127.0.0.1:{port}/") == "v1\n"
        assert "COLOUR=blue" in get(f"http://127.0.0.1:{port}/environment").splitlines()
        assert state(shared_engine, "project-web-1") == "running 0 0 healthy"
    finally:
        docker(shared_engine, *compose, "down", "--volumes")


def test_a_service_that_is_never_healthy(shared_engine: Daemon, registry: Registry, services: Services) -> None:
    with running(shared_engine, registry, "sick", services.unhealthy("v1")) as name:
        eventually(lambda: state(shared_engine, name) == "running 0 0 unhealthy")


def test_a_service_that_exits(shared_engine: Daemon, registry: Registry, services: Services) -> None:
    with running(shared_engine, registry, "exiting", services.exiting("v1", code=4)) as name:
        eventually(lambda: state(shared_engine, name) == "exited 4 0")
        assert docker(shared_engine, "logs", name).stdout == "v1 cannot start\n"


def test_a_service_that_crashes_twice_and_then_runs(
    shared_engine: Daemon, registry: Registry, services: Services
) -> None:
    with running(shared_engine, registry, "crashing", services.crashing("v1"), "--restart=always") as name:
        eventually(lambda: "serving v1" in docker(shared_engine, "logs", name).stdout)
        assert state(shared_engine, name) == "running 0 2"


def test_a_worker_ends_when_it_is_asked_to(shared_engine: Daemon, registry: Registry, services: Services) -> None:
    with running(shared_engine, registry, "worker", services.worker("v1")) as name:
        eventually(lambda: "working v1" in docker(shared_engine, "logs", name).stdout)
        docker(shared_engine, "stop", name)
        assert state(shared_engine, name).startswith("exited 0")


def test_a_database_keeps_its_volume_and_a_migration_writes_to_it(
    shared_engine: Daemon, registry: Registry, services: Services
) -> None:
    port = free_port()
    options = ["--volume", "kept:/data", "--publish", f"127.0.0.1:{port}:{PORT}", "--network", "of_database"]
    docker(shared_engine, "network", "create", "of_database")
    try:
        for version in ("v1", "v2"):
            with running(shared_engine, registry, "migration", services.migration(version), *options[:2]) as name:
                docker(shared_engine, "wait", name)
        created = set()
        for _ in range(2):
            with running(shared_engine, registry, "database", services.database("v1"), *options):
                eventually(lambda: answers(f"http://127.0.0.1:{port}/migrations", "v1\nv2\n"))
                created.add(get(f"http://127.0.0.1:{port}/created"))
        assert len(created) == 1
    finally:
        docker(shared_engine, "volume", "rm", "kept")
        docker(shared_engine, "network", "rm", "of_database")


@pytest.mark.parametrize("in_list", [False, True], ids=["alone", "in a list"])
def test_an_image_for_another_machine_does_not_run(
    shared_engine: Daemon, registry: Registry, services: Services, in_list: bool
) -> None:
    tag = "in-list" if in_list else "alone"
    registry.push("foreign", tag, services.for_another_machine("v1"), in_list=in_list)
    failed = docker(shared_engine, "run", "--rm", f"{registry.repository('foreign')}:{tag}", check=False)
    assert failed.returncode != 0
    assert ("no matching manifest" if in_list else "exec format error") in failed.stderr


def test_what_is_pushed_is_found_by_its_digest_and_its_id_also_when_the_tag_has_moved(
    shared_engine: Daemon, registry: Registry, services: Services
) -> None:
    image = services.web("v1")
    digest = registry.push("moving", "latest", image)
    assert registry.push("moving", "latest", services.web("v2")) != digest
    pulled = f"{registry.repository('moving')}@{digest}"
    docker(shared_engine, "pull", pulled)
    assert docker(shared_engine, "inspect", "--format", "{{.Id}}", pulled).stdout.strip() == image.id
    registry.delete("moving", digest)
    # The engine itself would still have the manifest.
    asked = docker(shared_engine, "manifest", "inspect", "--insecure", pulled, check=False)
    assert "no such manifest" in asked.stderr


def test_a_private_registry_wants_a_login(
    lab: Lab, shared_engine: Daemon, private_registry: Registry, services: Services
) -> None:
    private_registry.push("secret", "v1", services.web("v1"))
    image = f"{private_registry.repository('secret')}:v1"
    assert "no basic auth" in docker(shared_engine, "pull", image, check=False).stderr
    login = private_registry.login
    assert login is not None
    own = {"DOCKER_CONFIG": str(lab.docker_config())}
    words = ["login", "--username", login.user, "--password", login.password, private_registry.address]
    docker(shared_engine, *words, more=own)
    docker(shared_engine, "pull", image, more=own)


def test_a_registry_that_was_stopped_holds_what_it_held(
    shared_engine: Daemon, registry: Registry, services: Services
) -> None:
    registry.push("kept", "v1", services.web("v1"))
    image = f"{registry.repository('kept')}:v1"
    with registry.stopped():
        assert docker(shared_engine, "pull", image, check=False).returncode != 0
    docker(shared_engine, "pull", image)


def test_a_pull_can_be_cut_in_the_middle(engine: Daemon, registry: Registry, services: Services) -> None:
    registry.push("large", "v1", services.big("v1", megabytes=8))
    image = f"{registry.repository('large')}:v1"
    before = registry.relay.carried
    with ThreadPoolExecutor(1) as pool, faults.slow(registry.relay, rate=500_000):
        pulling = pool.submit(docker, engine, "pull", image, check=False)
        eventually(lambda: registry.relay.carried > before + 500_000)
        registry.relay.refuse()
        registry.relay.cut()
        assert pulling.result().returncode != 0
        registry.relay.accept()
    docker(engine, "pull", image)


def test_a_full_disk_takes_no_image_until_it_is_freed(
    engine: Daemon, registry: Registry, services: Services
) -> None:
    registry.push("large", "v2", services.big("v2", megabytes=8))
    image = f"{registry.repository('large')}:v2"
    engine.fill(leaving=4 << 20)
    free = os.statvfs(docker(engine, "info", "--format", "{{.DockerRootDir}}").stdout.strip())
    assert free.f_bavail * free.f_frsize <= 4 << 20
    assert "no space left on device" in docker(engine, "pull", image, check=False).stderr
    engine.free()
    docker(engine, "pull", image)


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
def test_an_engine_that_was_restarted_starts_what_is_to_run(
    engine: Daemon, registry: Registry, services: Services, hard: bool
) -> None:
    port = free_port()
    # With `unless-stopped`, an engine that was killed takes its containers for stopped by a person.
    options = ["--restart=always", "--publish", f"127.0.0.1:{port}:{PORT}"]
    options += ["--network", docker(engine, "network", "create", "own").stdout.strip()]
    with running(engine, registry, "returning", services.web("v1"), *options):
        engine.restart(hard=hard)
        eventually(lambda: answers(f"http://127.0.0.1:{port}/", "v1"))


def test_an_engine_that_is_stopped_does_not_answer(engine: Daemon) -> None:
    engine.stop()
    assert not engine.engine.answers()
    engine.start()
    assert engine.engine.answers()


def test_engines_are_strangers_to_each_other(compose_lab: Lab) -> None:
    with compose_lab.daemon() as first, compose_lab.daemon() as second:
        docker(first, "network", "create", "own")
        assert "own" in docker(first, "network", "ls").stdout
        assert "own" not in docker(second, "network", "ls").stdout


def test_an_engine_is_reached_over_ssh_through_a_host_that_has_only_its_socket(
    compose_host: ComposeHost, registry: Registry, services: Services
) -> None:
    host, daemon = compose_host.host, compose_host.daemon
    port = free_port()
    docker(daemon, "network", "create", "own")
    options = ["--network", "own", "--publish", f"127.0.0.1:{port}:{PORT}"]
    ask = f"curl --silent --retry 50 --retry-connrefused --retry-delay 0 http://127.0.0.1:{port}/"
    try:
        with running(daemon, registry, "remote", services.web("v1"), *options):
            assert host.ssh(ask).stdout == "v1\n"
            assert not answers(f"http://127.0.0.1:{port}/", "v1")
        # Also when the engine has a new socket.
        daemon.restart()
        named = host.ssh("curl --silent --unix-socket /var/run/docker.sock http://docker/info").stdout
        assert json.loads(named)["ID"] == docker(daemon, "info", "--format", "{{.ID}}").stdout.strip()
        assert not host.succeeds("command -v docker dockerd containerd")
    finally:
        docker(daemon, "network", "rm", "own")


def test_an_engine_that_cannot_start_says_why(compose_lab: Lab, engine: Daemon) -> None:
    engine.stop()
    (engine.folder / "exec" / "containerd").rename(engine.folder / "exec" / "away")
    (engine.folder / "exec" / "containerd").write_text("")
    with pytest.raises(LabError, match=r"did not start:[^!]*not a directory"):
        engine.start()
