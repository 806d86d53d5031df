"""What a team does with a project in a year: a web service, a worker, a database with a volume, a migration."""

from __future__ import annotations

import json
import urllib.request

import pytest
from lab.ports import free_port
from lab.services import PORT

from .conftest import Site, eventually

WRITTEN_BY_HAND = """\
# The shop. Each service has an image of its own, and all have the same versions.
services:
  web:
    image: {repository}/web:${{VERSION:-v1}}
    restart: always
    ports: ["127.0.0.1:{port}:{inside}"]
    depends_on:
      migration: {{condition: service_completed_successfully}}
  worker:
    image: {repository}/worker:${{VERSION:-v1}}
    restart: always
  migration:
    image: {repository}/migration:${{VERSION:-v1}}
    volumes: [data:/data]
  database:   # Nobody deploys it: it is there.
    image: {repository}/database:v1
    restart: always
    ports: ["127.0.0.1:{database_port}:{inside}"]
    volumes: [data:/data]
volumes:
  data:
"""


class Shop:
    """The project, as its users and its team see it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database_port = free_port()
        for version in ("v1", "v2", "v3"):
            web = site.services.unhealthy if version == "v3" else site.services.web
            for name, image in (
                ("web", web),
                ("worker", site.services.worker),
                ("migration", site.services.migration),
            ):
                site.push(version, image(version), f"{site.name}/{name}")
        site.push("v1", site.services.database("v1"), f"{site.name}/database")
        self.file = site.folder / "shop.yaml"
        ports = {"port": site.port, "database_port": self.database_port, "inside": PORT}
        self.file.write_text(WRITTEN_BY_HAND.format(repository=site.repository, **ports), encoding="utf-8")
        site.options |= {"compose_file": "shop.yaml", "service_name": ["web", "worker", "migration"]}
        self.up("database")
        # The engine takes connections a moment before the database does.
        eventually(self.database_answers)

    def up(self, service: str) -> None:
        """Start a service by hand, as it was before there was fraisier."""
        self.site.docker("compose", "-p", self.site.name, "-f", str(self.file), "up", "--detach", service)

    def fraisier(self, *words: str, code: int = 0) -> str:
        """Run the command line tool for this target, and return all that it says."""
        done = self.site.fraisier(words[0], "FRAISE", "ENV", *words[1:])
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def in_service(self) -> str:
        """Return the version that all of the project is at."""
        version = self.site.answer()
        eventually(
            lambda: self.site.docker("logs", "--tail", "1", f"{self.site.name}-worker-1") == f"working {version}"
        )
        assert self.stored("migrations")[-1] == version
        return version

    def database_answers(self) -> bool:
        try:
            return bool(self.stored("created"))
        except OSError:
            return False

    def stored(self, name: str) -> list[str]:
        """Return the lines of a file in the volume."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.database_port}/{name}", timeout=5) as answer:
            return str(answer.read().decode()).split()


@pytest.fixture
def shop(site: Site) -> Shop:
    return Shop(site)


def test_a_project_is_deployed_upgraded_broken_and_rolled_back_and_keeps_its_data(shop: Shop) -> None:
    site = shop.site
    written = shop.file.read_bytes()
    created = shop.stored("created")
    database = site.inspect(f"{site.name}-database-1", "{{.Id}} {{.State.StartedAt}}")
    assert site.checks() == {}

    assert "deployed v1 (" in shop.fraisier("deploy", "--version", "v1")
    assert shop.in_service() == "v1"
    assert ", was v1 (" in shop.fraisier("deploy", "--version", "v2")
    assert shop.in_service() == "v2"
    assert "already at v2 (" in shop.fraisier("deploy", "--version", "v2")

    broken = shop.fraisier("deploy", "--version", "v3", code=8)
    assert "unhealthy" in broken
    assert "serving v3" in broken
    assert "rolled back to v2 (" in broken
    assert shop.in_service() == "v2"

    running = site.containers()
    missing = shop.fraisier("deploy", "--version", "v9", code=5)
    assert "no such image" in missing
    assert "v9" in missing
    assert site.containers() == running

    with site.registry.stopped():
        assert "rolled back to v1 (" in shop.fraisier("rollback")
    assert shop.in_service() == "v1"
    [status] = json.loads(site.fraisier("status", "--json").stdout)
    assert (status["state"], status["version"]) == ("running", "v1")

    assert shop.stored("created") == created
    assert site.inspect(f"{site.name}-database-1", "{{.Id}} {{.State.StartedAt}}") == database
    assert shop.file.read_bytes() == written
    told = json.loads(site.fraisier("history", "--json").stdout)
    assert [(each["kind"], each["version"], each["status"]) for each in reversed(told)] == [
        ("deploy", "v1", "success"),
        ("deploy", "v2", "success"),
        ("deploy", "v2", "unchanged"),
        ("deploy", "v3", "rolled_back"),
        ("deploy", "v9", "failed"),
        ("rollback", "v1", "success"),
    ]
