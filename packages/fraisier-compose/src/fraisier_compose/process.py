"""Running a command whose two streams are kept apart and whose deadline is kept.

Unlike `fraisier.run_command`, the output goes to files: a command that was begun ends its work even when we are
killed, where one that writes to a broken pipe would die halfway through replacing a container.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from fraisier import kill_group

_TICK = 0.05
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


class OverdueError(TimeoutError):
    """A command had not ended in time; what it had said by then."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self.lines = lines


class Finished(NamedTuple):
    """What a command ended with."""

    command: Sequence[str]
    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """The standard output."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """The lines of both streams, errors last, without empty ones."""
        return [line for line in f"{self.text}\n{self.stderr}".splitlines() if line.strip()]


def run(
    command: Sequence[str],
    *,
    timeout: float,
    environment: Mapping[str, str],
    folder: Path,
    stdin: bytes = b"",
    on_line: Callable[[str], None] | None = None,
    inherited: Sequence[int] = (),
) -> Finished:
    """Run a command in a process group of its own.

    Args:
        command: the program and its arguments.
        timeout: seconds after which the whole group is ended.
        environment: all of its environment.
        folder: where to run it.
        stdin: what it reads.
        on_line: called with each line of either stream, soon after it was written.
        inherited: file descriptors that stay open as long as the command runs.

    Raises:
        OverdueError: the deadline passed.
        OSError: it could not be started.
    """
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        ended, alive = os.pipe()
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
                pass_fds=(alive, *inherited),
            )
        except BaseException:
            os.close(ended)
            raise
        finally:
            os.close(alive)
        heard = [_Lines(out, on_line), _Lines(err, on_line)] if on_line is not None else []
        try:
            _wait(process, ended, time.monotonic() + timeout, heard)
        except TimeoutError:
            _end(process)
            raise OverdueError(_finished(command, process, out, err).lines) from None
        except BaseException:
            _end(process)
            raise
        finally:
            os.close(ended)
        for each in heard:
            each.hear(last=True)
        return _finished(command, process, out, err)


def _wait(process: subprocess.Popen[bytes], ended: int, deadline: float, heard: Sequence[_Lines]) -> None:
    """Wait until the command has ended; its end of the pipe tells without delay, unless a child keeps it open."""
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        for each in heard:
            each.hear()
        if select.select([ended], [], [], min(left, _TICK))[0]:
            try:
                process.wait(timeout=left)
            except subprocess.TimeoutExpired:
                raise TimeoutError from None


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        kill_group(process.pid)
        process.wait()


def _finished(
    command: Sequence[str], process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes]
) -> Finished:
    return Finished(command, process.returncode, _content(out), _content(err).decode("utf-8", "replace"))


def _content(file: IO[bytes]) -> bytes:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


class _Lines:
    """The lines of a file that somebody else is writing."""

    def __init__(self, file: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._file = file
        self._on_line = on_line
        self._read = 0
        self._pending = b""

    def hear(self, *, last: bool = False) -> None:
        # Not by the file's own position, which it shares with who writes.
        while chunk := os.pread(self._file.fileno(), 65536, self._read):
            self._read += len(chunk)
            *lines, self._pending = (self._pending + chunk).split(b"\n")
            self._tell(lines)
        if last:
            self._tell([self._pending])

    def _tell(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            if text := line.decode("utf-8", "replace").rstrip("\r"):
                self._on_line(text)


def follow(
    commands: Mapping[str, Sequence[str]], *, environment: Mapping[str, str], folder: Path
) -> Iterator[tuple[str, str]]:
    """Run commands side by side for as long as they write and somebody reads.

    Args:
        commands: the programs and their arguments, by a name of the caller's.
        environment: all of their environment.
        folder: where to run them.

    Yields:
        The name of a command, and a line of either of its streams.
    """
    started: list[subprocess.Popen[bytes]] = []
    pending = dict.fromkeys(commands, b"")
    try:
        with selectors.DefaultSelector() as selector:
            for name, command in commands.items():
                process = subprocess.Popen(
                    list(command),
                    cwd=folder,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                started.append(process)
                assert process.stdout is not None  # noqa: S101 - Popen was given a pipe
                selector.register(process.stdout, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select():
                    chunk = os.read(key.fd, 65536)
                    *lines, pending[key.data] = (pending[key.data] + chunk).split(b"\n")
                    if not chunk:
                        selector.unregister(key.fileobj)
                        lines = [pending[key.data]] if pending[key.data] else []
                    for line in lines:
                        yield key.data, line.decode("utf-8", "replace").rstrip("\r")
    finally:
        for process in started:
            _end(process)
            if process.stdout is not None:
                process.stdout.close()
