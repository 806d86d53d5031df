"""Running a command on this machine: its output line by line, its end within a deadline, nothing left behind."""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_KEPT_LINES = 200
_LONGEST_LINE = 65536
"""Characters; what is longer comes in pieces."""
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_LEFT_IN_PIPE = 1024 * 1024
"""Bytes: more than a pipe holds, so what comes after that is no longer the program's own output."""


class CommandResult(NamedTuple):
    """What a command ended with: its exit code, and the last lines of its output and errors together."""

    exit_code: int
    output: str


def run_command(
    command: Sequence[str],
    *,
    timeout: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> CommandResult:
    """Run a command in a process group of its own and return its exit code with its last lines.

    Args:
        command: the program and its arguments; no shell is involved.
        timeout: seconds after which the whole group is ended: SIGTERM, and SIGKILL two seconds later.
        folder: where to run it.
        environment: all of its environment; None means this process's own.
        on_line: called with each line of output (both streams) as it comes; what is no UTF-8 is replaced, and
            a line of more than 65536 characters comes in pieces.

    Raises:
        TimeoutError: the deadline passed; what the command started was ended.
        OSError: it could not be started.
    """
    kept: deque[str] = deque(maxlen=_KEPT_LINES)

    def keep(line: str) -> None:
        line = line.rstrip("\r")
        for start in range(0, max(1, len(line)), _LONGEST_LINE):
            piece = line[start : start + _LONGEST_LINE]
            kept.append(piece)
            if on_line is not None:
                on_line(piece)

    process: subprocess.Popen[bytes] | None = None
    try:
        with _signals_put_off():
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _read_lines(process, time.monotonic() + timeout, keep)
    except BaseException:
        if process is not None:
            _end(process)
        raise
    finally:
        if process is not None and process.stdout is not None:
            process.stdout.close()
    return CommandResult(process.returncode, "\n".join(kept))


def run_shell(
    command: str,
    *,
    timeout: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> CommandResult:
    """Run a line of `/bin/sh` as `run_command` runs a program."""
    line = ["/bin/sh", "-c", command]
    return run_command(line, timeout=timeout, folder=folder, environment=environment, on_line=on_line)


def kill_group(group: int) -> None:
    """Kill every process of a process group; one that is gone already is no error."""
    _signal_group(group, signal.SIGKILL)


@contextmanager
def _signals_put_off() -> Iterator[None]:
    """Let Ctrl-C and the like wait for a moment in which they would leave a process behind that nobody knows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handled = {number: handler for number, handler in before.items() if callable(handler)}
    for number in handled:
        signal.signal(number, lambda received, _: seen.append(received))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        for received in seen:
            signal.raise_signal(received)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and its group, giving it time to clean up: a git that is killed leaves its lock files."""
    try:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE)
    finally:
        kill_group(process.pid)
        process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read_lines(process: subprocess.Popen[bytes], deadline: float, keep: Callable[[str], None]) -> None:
    """Read until the program ends; a child that it left behind may hold the pipe open and is not waited for."""
    assert process.stdout is not None  # noqa: S101 - Popen was given a pipe
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    after_end = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ended = process.poll() is not None
            if not selector.select(0 if ended else min(left, 0.05)):
                if ended:
                    break
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + decoder.decode(chunk)).split("\n")
            for line in lines:
                keep(line)
            while len(pending) > _LONGEST_LINE:
                keep(pending[:_LONGEST_LINE])
                pending = pending[_LONGEST_LINE:]
            after_end += len(chunk) if ended else 0
            if after_end > _LEFT_IN_PIPE:
                break
    pending += decoder.decode(b"", final=True)
    if pending:
        keep(pending)
    try:
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
