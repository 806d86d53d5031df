"""Nothing that comes from the file, a version or a record is ever taken for a command; odd values just work."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fraisier import FraisierError, Release, Secret

from .conftest import Site

CANARY = "/tmp/fraisier-compose-canary"
EVIL = [
    f"x; touch {CANARY}",
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"x'; touch {CANARY}; '",
    f'x"; touch {CANARY}; "',
    f"x\ntouch {CANARY}\n",
    f"-v{CANARY}:/x",
    "--privileged",
    "--help",
    "${HOME}",
    "$HOME",
    "../../../../tmp/x",
]
VALUES = {
    "QUOTES": 'it\'s "quoted"',
    "LINES": "first\nsecond\n\nlast\n",
    "DOLLARS": "$HOME ${HOME} $$ $(id) `id` ${NOT_SET:?x}",
    "BACKSLASHES": '\\ \\\\ \\n \\" end\\',
    "SPACES": "  two before, two after  ",
    "SIGNS": "# ; % & | * ? ~ ! = : - {} []",
    "UNICODE": "é ✓ 日本 🍓",
    "TABS": "\ta\tb\t",
    "EMPTY": "",
    "NUMBER": "007",
    "WORD": "yes",
    "LONG": "x" * 20_000,
    # What docker and Compose themselves would listen to.
    "DOCKER_HOST": "unix:///not/there",
    "DOCKER_CONFIG": "/not/there",
    "COMPOSE_FILE": "/not/there",
    "COMPOSE_PROJECT_NAME": "not-ours",
    "PATH": "/bin:/not/there",
    "HOME": "/not/there",
    "VERSION": "not-ours",
}


@pytest.fixture(autouse=True)
def canary() -> Iterator[None]:
    yield
    assert not Path(CANARY).exists(), "something was executed"


def test_every_value_of_a_variable_arrives_as_it_is(site: Site) -> None:
    site.options["environment"] = {name: Secret(value, f"${{{name}}}") for name, value in VALUES.items()}
    site.deploy("v1")
    told = json.loads(site.inspect(f"{site.name}-web-1", "{{json .Config.Env}}"))
    found = dict(each.split("=", 1) for each in told)
    assert {name: found[name] for name in VALUES} == VALUES
    assert site.answer() == "v1"


def test_no_secret_is_on_a_command_line(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A docker command that writes down how it is called.
    real = subprocess.run(["which", "docker"], capture_output=True, text=True, check=True).stdout.strip()
    log = tmp_path / "calls"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    site.options["environment"] = {"API_TOKEN": "t0ken-of-the-api"}
    site.options["registry"] = {"server": site.registry.address, "username": "alice", "password": "pa55-of-alice"}
    site.deploy("v1")
    site.checks()
    said = log.read_text()
    assert " up " in said
    assert " login " in said
    assert "t0ken-of-the-api" not in said
    assert "pa55-of-alice" not in said


def test_odd_versions_and_records_are_refused(site: Site) -> None:
    first = site.deploy("v1")
    with site.session():
        for evil in EVIL:
            site.failure(site.deploy, evil)
            for release in (
                Release(version=evil, revision=evil),
                Release(version="v1", revision=evil, details={"images": {"web": evil}}),
                Release(
                    version="v1", revision=first.revision, details={"images": {"web": f"{evil}@{first.revision}"}}
                ),
            ):
                site.failure(site.rollback, release)
    assert site.answer() == "v1"


def test_odd_options_are_refused_or_are_what_they_are(site: Site) -> None:
    site.deploy("v1")
    fields: dict[str, Any] = {
        "compose_file": str,
        "service_name": str,
        "project_name": str,
        "profiles": lambda evil: [evil],
        "image": str,
        "version_variable": str,
        "env_file": str,
        "environment": lambda evil: {evil: "x"},
        "docker_host": lambda evil: f"ssh://{evil}",
        "context": str,
        "registry": lambda evil: {"server": evil, "username": evil, "password": evil},
    }
    for field, make in fields.items():
        for evil in EVIL:
            with suppress(FraisierError):
                site.status(**({"docker_host": None} if field == "context" else {}), **{field: make(evil)})
                site.checks(**({"docker_host": None} if field == "context" else {}), **{field: make(evil)})
    assert site.answer() == "v1"


@pytest.mark.parametrize("name", ['it\'s "odd"; $HOME `id` é✓ & # dir', "-dash"])
def test_odd_folders_work(site: Site, name: str) -> None:
    site.folder = site.folder / name
    site.folder.mkdir()
    site.web["volumes"] = ["./data:/data:ro"]
    (site.folder / "data").mkdir()
    (site.folder / "data" / "file").write_text("here")
    site.deploy("v1")
    assert site.docker("exec", f"{site.name}-web-1", "cat", "/data/file") == "here"


def test_labels_that_are_not_ours_are_no_release(site: Site) -> None:
    site.web["labels"] = {"fraisier.version": "v1", "fraisier.revision": "x", "fraisier.images": "[not json"}
    site.compose("up", "--detach", "--wait")
    told = site.status()
    assert told.release is not None
    assert told.release.revision == site.digests["v1"]
