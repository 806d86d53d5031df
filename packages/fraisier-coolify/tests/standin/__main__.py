"""Starts a stand-in by hand, to try things out on: `python -m standin --version 4.3.0 --port 8123`."""

from __future__ import annotations

import argparse
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from .certificate import Certificate
from .coolify import Coolify
from .inventory import VERSIONS
from .versions import NEWEST, OFFERED


def main() -> None:
    """Serve a small project until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="standin", description="A stand-in for a Coolify v4 server.")
    parser.add_argument("--version", default=NEWEST, help=f"one of {', '.join(OFFERED)}, or another (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1; 0 takes a free one (%(default)s)")
    parser.add_argument(
        "--tls", action="store_true", help="serve HTTPS with a certificate of an authority of its own"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="what a deployment takes (%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        certificate = Certificate(Path(folder)) if arguments.tls else None
        with Coolify(arguments.version, port=arguments.port, certificate=certificate, rate_limit=200) as coolify:
            pace = coolify.pace
            pace.pick_up = pace.resolve = pace.build = pace.start = arguments.seconds / 4
            pace.tail, pace.settle = 1.0, arguments.seconds
            with suppress(KeyboardInterrupt):
                print(described(coolify, certificate), flush=True)
                threading.Event().wait()


def described(coolify: Coolify, certificate: Certificate | None) -> str:
    """Seed a project, and return how it is reached."""
    rows = [coolify.add_application(kind, kind) for kind in ("dockerimage", "nixpacks", "dockercompose")]
    stack = coolify.add_service("stack")
    lines = [f"Coolify {coolify.world.version} at {coolify.url}", f"token:      {coolify.token}"]
    if certificate is not None:
        lines.append(f"ca_bundle:  {certificate.ca}")
    lines.append("project shop, environment production:")
    for row in rows:
        versions = [coolify.version_of(row, name) for name in VERSIONS]
        lines.append(f"  application {row.name:14} {row.uuid}  {coolify.site(row)}  versions {' '.join(versions)}")
    lines.append(
        f"  service     {stack.name:14} {stack.uuid}  {coolify.site(stack)}  versions {' '.join(VERSIONS)}"
    )
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
