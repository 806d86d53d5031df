"""Programs that the lab unpacks into its folder instead of installing them: Compose, a registry, busybox."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.engine import ENVIRONMENT
from lab.folder import Folder, LabError, Lock

SUITE = "trixie"
SOURCE = (
    f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {SUITE} main\n"
)
# What each package has that the lab calls.
PACKAGES = {
    "docker-compose": "usr/libexec/docker/cli-plugins/docker-compose",
    "docker-registry": "usr/bin/docker-registry",
    "busybox-static": "usr/bin/busybox",
}
NEEDED = ("apt-get", "dpkg-deb")


def registry(folder: Folder) -> Path:
    """Return where the registry is, unpacked or not."""
    return folder.tools / PACKAGES["docker-registry"]


def busybox(folder: Folder) -> Path:
    """Return where busybox is, unpacked or not."""
    return folder.tools / PACKAGES["busybox-static"]


def missing_packages(folder: Folder) -> list[str]:
    """Return the Debian packages to unpack: all or none; where there is a `docker compose`, that one is used."""
    lacking = {package for package, program in PACKAGES.items() if not (folder.tools / program).exists()}
    if lacking and (lacking != {"docker-compose"} or not _has_compose()):
        return [package for package in PACKAGES if package != "docker-compose" or not _has_compose()]
    return []


def unpack(folder: Folder) -> None:
    """Fetch what is missing from Debian, whose signature apt checks, and unpack it; nothing is installed."""
    with Lock(folder.root / "tools.lock"):
        packages = missing_packages(folder)
        if not packages:
            return
        if lacking := [tool for tool in NEEDED if shutil.which(tool) is None]:
            raise LabError(f"Compose and a registry come from Debian's packages, and {', '.join(lacking)} missing")
        fetched = folder.root / "fetched"
        shutil.rmtree(fetched, ignore_errors=True)
        for inner in ("lists/partial", "cache/archives/partial"):
            (fetched / inner).mkdir(parents=True)
        (fetched / "sources.list").write_text(SOURCE)
        settings = {
            "Dir::Etc::SourceList": fetched / "sources.list",
            "Dir::Etc::SourceParts": os.devnull,
            "Dir::State::Lists": fetched / "lists",
            "Dir::Cache": fetched / "cache",
            "Acquire::Languages": "none",
            # Nobody else may read the folder.
            "APT::Sandbox::User": "root",
        }
        apt = ["apt-get", *(f"--option={name}={value}" for name, value in settings.items())]
        _run([*apt, "update"], fetched)
        _run([*apt, "download", *packages], fetched)
        unfinished = fetched / "tools"
        for archive in fetched.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(archive), str(unfinished)], fetched)
        shutil.rmtree(folder.tools, ignore_errors=True)
        unfinished.rename(folder.tools)
        shutil.rmtree(fetched)


def docker_config(folder: Folder, path: Path) -> Path:
    """Make a DOCKER_CONFIG of a test's own, without logins, where docker finds Compose; return it."""
    path.mkdir(parents=True)
    own = Path(ENVIRONMENT.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    compose = folder.tools / PACKAGES["docker-compose"]
    (path / "cli-plugins").symlink_to(compose.parent if compose.exists() else own)
    return path


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = ["docker", "compose", "version", "--short"]
    told = subprocess.run(asked, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    return told.returncode == 0 and told.stdout.lstrip("v").startswith(("2.", "3.", "4.", "5."))


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise LabError(
            f"`{command[0]}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}"
        )
