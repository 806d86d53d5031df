"""The base image of all hosts: Debian with systemd, sshd and git, and nothing of fraisier."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

from lab.engine import ENGINE_TOOLS, USERS, Engine, missing
from lab.folder import Folder, LabError, Lock

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "procps"),
    *("openssh-server", "git", "curl", "ca-certificates", "sudo"),
    # For tiny services. With the recommended packages left out, it is the interpreter and its library.
    "python3",
)
SETUP = Path(__file__).with_name("image.sh")
REPOSITORY = "fraisier-lab"


def base_image(engine: Engine, folder: Folder) -> str:
    """Return the image's name, after making it if neither the engine nor the folder has it."""
    recipe = sha256("\n".join([SUITE, *PACKAGES, SETUP.read_text()]).encode()).hexdigest()[:12]
    name = f"{REPOSITORY}:{recipe}"
    # One process makes it; the others wait, and find it.
    with Lock(folder.root / "image.lock"):
        if engine.docker("image", "inspect", name, check=False).returncode == 0:
            return name
        tarball = folder.images / f"{recipe}.tar"
        if not tarball.exists() and not (engine is USERS and _build(engine, name)):
            _debootstrap(folder, tarball)
        if tarball.exists():
            engine.docker("import", str(tarball), name, timeout=300)
    return name


def remove_images(engine: Engine) -> None:
    """Remove the base images that the lab has made in an engine."""
    found = engine.docker("image", "ls", "--quiet", REPOSITORY).stdout.split()
    if found:
        engine.docker("image", "rm", "--force", *sorted(set(found)))


def _build(engine: Engine, name: str) -> bool:
    """Build on Debian's published image, where it can be pulled."""
    dockerfile = (
        f"FROM debian:{SUITE}\n"
        "RUN apt-get update && "
        f"DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {' '.join(PACKAGES)}\n"
        f"COPY {SETUP.name} /root/\n"
        f"RUN sh /root/{SETUP.name}\n"
    )
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path, text in (("Dockerfile", dockerfile.encode()), (SETUP.name, SETUP.read_bytes())):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    built = engine.docker("build", "--tag", name, "-", stdin=context.getvalue(), check=False, timeout=900)
    if built.returncode and (os.getuid() != 0 or missing(ENGINE_TOOLS)):
        raise LabError(f"the base image cannot be built: {built.stderr.strip()[-1000:]}")
    return built.returncode == 0


def _debootstrap(folder: Folder, tarball: Path) -> None:
    """Make the image from Debian's packages alone, and keep it as a tarball."""
    root = folder.images / "root"
    unfinished = tarball.with_suffix(".unfinished")
    shutil.rmtree(root, ignore_errors=True)
    # What it mounts inside is mounted in its own namespace, and gone with it.
    _run(
        "unshare",
        "--mount",
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(root),
    )
    _run("chroot", str(root), "sh", "-c", SETUP.read_text())
    _run("tar", "--create", "--file", str(unfinished), "--directory", str(root), "--numeric-owner", ".")
    shutil.rmtree(root)
    for old in folder.images.glob("*.tar"):
        old.unlink()
    unfinished.rename(tarball)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    if done.returncode:
        raise LabError(
            f"the base image cannot be made: {command[0]}: {(done.stderr or done.stdout).strip()[-1000:]}"
        )
