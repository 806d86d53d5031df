"""Where references lead: a file's text, and what a command prints."""

from __future__ import annotations

import os
import selectors
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fraisier.contract.commands import kill_group

_DEADLINE_SECONDS: Final = 30.0
_MAX_BYTES: Final = 1024 * 1024


class SourceError(Exception):
    """A reference leads nowhere; the message is one sentence without the secret."""


def read_file(folder: Path, name: str) -> str:
    """Return a file's text without its last line end; a relative path starts at `folder`."""
    try:
        path = folder / Path(name).expanduser()
        # A pipe would be waited for, and a device may never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"cannot read {name}: not a file")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"cannot read {name}: {(error.strerror or 'unreadable').lower()}") from None
    except (ValueError, RuntimeError):
        raise SourceError(f"cannot read {name}: not a path") from None
    if len(data) > _MAX_BYTES:
        raise SourceError(f"cannot read {name}: larger than 1 MiB")
    return _decode(data, name).removesuffix("\n").removesuffix("\r")


def read_command(folder: Path, command: str, environ: Mapping[str, str]) -> str:
    """Return what a line of `/bin/sh` prints, without the line ends at its end, as `$(...)` does."""
    shown = f"`{' '.join(command.split())[:60]}`"
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot run {shown}: {getattr(error, 'strerror', None) or error}") from None
    with process:
        printed, errors = _read_both(process, shown)
    if process.returncode != 0:
        said = errors.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "no error output")
        raise SourceError(f"{shown} ended with exit code {process.returncode}: {last[:200]}")
    return _decode(printed, shown).rstrip("\r\n")


def _read_both(process: subprocess.Popen[bytes], shown: str) -> tuple[bytes, bytes]:
    """Read output and errors apart, within the deadline and the size; kill the whole group beyond them."""
    assert process.stdout is not None  # noqa: S101 - Popen was given pipes
    assert process.stderr is not None  # noqa: S101
    deadline = time.monotonic() + _DEADLINE_SECONDS
    read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    output, errors = read.values()
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in read:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise SourceError(f"{shown} did not end within {_DEADLINE_SECONDS:g} s")
                for key, _ in selector.select(left):
                    chunk = os.read(key.fd, 65536)
                    read[key.fd] += chunk
                    if not chunk:
                        selector.unregister(key.fd)
                if len(output) > _MAX_BYTES:
                    raise SourceError(f"{shown} printed more than 1 MiB")
                del errors[:-_MAX_BYTES]
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        raise SourceError(f"{shown} did not end within {_DEADLINE_SECONDS:g} s") from None
    except BaseException:
        kill_group(process.pid)
        raise
    return bytes(output), bytes(errors)


def _decode(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SourceError(f"cannot read {what}: not UTF-8 text") from None
