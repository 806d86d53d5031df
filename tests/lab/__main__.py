"""`python -m lab`: puts the lab up, takes it down, and tells what there is of it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lab import remains, runs, tools
from lab.engine import CLIENT_TOOLS, ENGINE_TOOLS, USERS, Engine, engine_in_use, missing, own, problem
from lab.folder import Folder, LabError
from lab.guard import guard
from lab.image import base_image, remove_images

PACKAGES_BESIDE = ("debian-archive-keyring",)


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="lab", description="Real hosts for the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="install what is missing, start the engine and make the base image")
    up_parser.add_argument("--yes", action="store_true", help="install without asking")
    commands.add_parser("down", help="end and remove all of it but the installed packages")
    commands.add_parser("status", help="tell what there is")
    guard_parser = commands.add_parser("guard", help="what the lab starts for itself")
    guard_parser.add_argument("folder", type=Path)
    guard_parser.add_argument("--own-engine", action="store_true")
    arguments = parser.parse_args()
    folder = Folder.of_environment()
    try:
        if arguments.command == "up":
            return up(folder, yes=arguments.yes)
        if arguments.command == "down":
            return down(folder)
        if arguments.command == "guard":
            return guard(Folder(arguments.folder), own_engine=arguments.own_engine)
        return status(folder)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def up(folder: Folder, *, yes: bool) -> int:
    """Make the lab usable until `down`."""
    if packages := _packages():
        _install(packages, yes=yes)
    if why := problem():
        raise LabError(why)
    which = "your Docker engine" if USERS.answers() else f"a Docker engine of its own in {folder.root}"
    print(f"The lab uses {which}, and makes its base image there if there is none (a minute or two).", flush=True)
    folder.create()
    _unpack(folder)
    folder.kept.touch()
    try:
        with engine_in_use(folder) as engine:
            base_image(engine, folder)
    except BaseException:
        folder.kept.unlink()
        raise
    return status(folder)


def _unpack(folder: Folder) -> None:
    """Get what tests of Compose need; without it there are still hosts."""
    if packages := tools.missing_packages(folder):
        what = ", ".join(packages)
        print(f"It unpacks {what} of Debian {tools.SUITE} in {folder.tools}, installing none.", flush=True)
        try:
            tools.unpack(folder)
        except LabError as error:
            print(f"There will be no Compose projects, but hosts: {error}", file=sys.stderr, flush=True)


def down(folder: Folder) -> int:
    """End the engine and remove the folder; refuse while tests use it."""
    if not folder.root.exists():
        print("There is no lab.")
        return 0
    folder.create()
    if living := runs.alive(folder):
        raise LabError(f"tests are using it ({', '.join(living)}); end them first")
    folder.kept.unlink(missing_ok=True)
    guarding = folder.guard
    deadline = time.monotonic() + 60
    while not guarding.hold(wait=False):
        if time.monotonic() > deadline:
            raise LabError(f"the guard did not end within 60 s; see {folder.root / 'guard.log'}")
        time.sleep(0.1)
    if USERS.answers():
        runs.remove_all(USERS, folder)
        remove_images(USERS)
    if os.getuid() == 0:
        remains.remove(folder)
    shutil.rmtree(folder.root)
    guarding.free()
    print(f"Removed {folder.root} and all that ran there. Installed packages stay.")
    return 0


def status(folder: Folder) -> int:
    """Print what there is; 0 when it can be used at once."""
    engine = next((engine for engine in (USERS, own(folder)) if engine.answers()), None)
    if engine is None:
        print(f"down: {problem() or 'the tests start it when they need it'} ({folder.root})")
        return 1
    print(f"up: {_kind(engine)} ({folder.root})")
    for run in runs.alive(folder) if folder.runs.exists() else []:
        names = engine.docker("ps", "--filter", f"label={runs.RUN_LABEL}={run}", "--format", "{{.Names}}").stdout
        print(f"  run {run}: {', '.join(names.split()) or 'no hosts'}")
    return 0


def _kind(engine: Engine) -> str:
    version = engine.docker("version", "--format", "{{.Server.Version}}").stdout.strip()
    return f"Docker {version}, " + ("yours" if engine == USERS else "the lab's own")


def _packages() -> list[str]:
    """Return the Debian packages to install: for an engine only where none answers."""
    tools = dict(CLIENT_TOOLS)
    beside: tuple[str, ...] = ()
    if not USERS.answers():
        tools |= ENGINE_TOOLS
        beside = PACKAGES_BESIDE if missing(ENGINE_TOOLS) else ()
    return sorted({tools[tool] for tool in missing(tools)} | set(beside))


def _install(packages: list[str], *, yes: bool) -> None:
    # With what they recommend: in newer releases the docker command is a package of its own.
    commands = [["apt-get", "update"], ["apt-get", "install", "--yes", *packages]]
    print("The lab needs, on this machine:")
    for command in commands:
        print("  " + " ".join(command))
    if shutil.which("apt-get") is None:
        raise LabError(f"this is neither Debian nor Ubuntu; install what has {', '.join(packages)} yourself")
    if os.getuid() != 0:
        raise LabError("run these commands as root, or start a Docker engine, and try again")
    if not yes:
        if not sys.stdin.isatty():
            raise LabError("there is no terminal to ask on; `--yes` installs without asking")
        if input("Install them? [y/N] ").strip().lower() not in ("y", "yes"):
            raise LabError("nothing was installed")
    for command in commands:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(command, env=environment).returncode:
            raise LabError(f"`{' '.join(command)}` failed")


if __name__ == "__main__":
    sys.exit(main())
