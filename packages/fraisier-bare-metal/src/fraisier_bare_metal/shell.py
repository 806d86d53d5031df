"""The remote shell of a host: scripts sent to the agent there, their steps, their lines, what they found out."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Final, NamedTuple, TypeVar

from fraisier import DeploymentLockedError, Progress, TargetError
from paramiko import Channel

from fraisier_bare_metal.script import agent, composed, hides, order
from fraisier_bare_metal.ssh import Login

T = TypeVar("T")
_HEARTBEAT: Final = 15.0
"""Seconds between two signs of life while the lock is held; the agent gives up after a minute without one."""
_POLL: Final = 0.5
_KEPT_LINES: Final = 200


class Result(NamedTuple):
    """What a script ended with."""

    exit_code: int
    data: Mapping[str, list[str]]
    """What it found out, by name, in order."""
    lines: list[str]
    """The last lines of its output and errors."""

    def one(self, name: str) -> str:
        """Return the last value of a name, or an empty text."""
        return self.data.get(name, [""])[-1]


class Quiet(Progress):
    """Hears nothing: for looking."""

    def step(self, name: str) -> Any:
        """Ignore a step."""
        return ExitStack()

    def line(self, text: str) -> None:
        """Ignore a line."""

    def advance(self, done: float, total: float) -> None:
        """Ignore a count."""


class RemoteShell:
    """One command on one host, which runs whatever is asked until it is closed. One script at a time."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._mark = f"@@{secrets.token_hex(8)}"
        self._number = 0
        self._pending = b""
        self._lock: _Lock | None = None
        self._heart: _Heart | None = None
        self._channel: Channel | None = None

    @property
    def alive(self) -> bool:
        """Whether the agent is there, as far as is known."""
        return (self._channel is None or not self._channel.closed) and self._login.alive

    def lock(self, file: str, holder: str) -> None:
        """Ask for the host's lock, for as long as this shell lives; the answer comes with that of the next order.

        Args:
            file: the lock file on the host.
            holder: who we are; its last word is the id of the deployment.
        """
        if self._lock is None:
            self._lock = _Lock(file, str(self._next_number()))
            words = ("lock", self._lock.number, file, holder)
            self._try(lambda: self._send(*words))

    def run(
        self, script: str, values: Mapping[str, Any], timeout: float, progress: Progress | None = None
    ) -> Result:
        """Run one of the scripts that the client's end also ends.

        Args:
            script: its name, without `.sh`; several names make one script.
            values: variables of the script; every one is quoted, a list becomes one line for each element.
            timeout: in seconds.
            progress: hears its steps and its lines.

        Raises:
            TargetError: the connection was lost, or the time is over.
        """
        marked = {**values, "mark": self._mark}
        return self._order("run", [composed(script, marked)], progress or Quiet(), timeout, hides(values))

    def finish(
        self, script: str, undo: str, values: Mapping[str, Any], timeout: float, progress: Progress
    ) -> Result:
        """Run a script that goes on to its end without us; when it fails then, the host runs `undo` by itself."""
        marked = {**values, "mark": self._mark}
        return self._order("finish", [composed(each, marked) for each in (script, undo)], progress, timeout)

    def close(self) -> None:
        """Say goodbye, which gives the lock back."""
        if self._heart is not None:
            self._heart.stop()
        if self._channel is not None:
            with suppress(OSError, EOFError):
                self._send("bye")
            self._channel.close()

    def _send(self, *words: str, hidden: bool = True) -> Channel:
        """Give an order; the first one starts the agent, and comes with the command unless it has to be hidden."""
        begins = self._channel is None and not hidden
        if self._channel is None:
            self._channel = self._login.start(agent(self._mark, *(words if begins else ())))
        if not begins:
            self._channel.sendall(order(*words))
        return self._channel

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _order(
        self, verb: str, words: list[str], progress: Progress, timeout: float, hidden: bool = True
    ) -> Result:
        number = str(self._next_number())

        def work() -> Result:
            channel = self._send(verb, number, *words, hidden=hidden)
            return self._listen(channel, number, progress, time.monotonic() + timeout, timeout)

        try:
            return self._try(work)
        except BaseException:
            # Ctrl-C, or the time is over: what runs there is told to end.
            if self._channel is not None:
                with suppress(OSError, EOFError):
                    self._send("stop", number)
            raise

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (OSError, EOFError) as error:
            reason = str(error) or "connection closed"
            raise TargetError(f"the connection to {self._login.address} was lost: {reason.lower()}") from error

    def _listen(
        self, channel: Channel, number: str, progress: Progress, deadline: float, timeout: float
    ) -> Result:
        """Read until the script ends; steps become the progress's steps, of which the last one fails with it."""
        data: dict[str, list[str]] = {}
        lines: deque[str] = deque(maxlen=_KEPT_LINES)

        def heard(line: str) -> None:
            lines.append(line)
            progress.line(line)

        hear: Callable[[str], None] = heard
        blank = False
        with ExitStack() as step:
            while True:
                line = self._next_line(channel, deadline, timeout)
                if not line.startswith(self._mark):
                    if blank:
                        hear("")
                    blank = not line
                    if line:
                        hear(line)
                    continue
                # The end of a line comes before every mark, in case the output had none.
                hear, blank = heard, False
                kind, _, rest = line[len(self._mark) + 1 :].partition(" ")
                if kind == "step":
                    step.close()
                    step.enter_context(progress.step(rest))
                elif kind == "data":
                    name, _, value = rest.partition(" ")
                    data.setdefault(name, []).append(value)
                elif kind == "take":
                    hear = data.setdefault(rest, []).append
                elif kind == "end" and self._lock is not None and rest.split()[0] == self._lock.number:
                    self._hold(self._lock, rest.split()[1], data)
                elif kind == "end" and rest.split()[0] == number:
                    result = Result(int(rest.split()[1]), data, list(lines))
                    if result.exit_code != 0 and "problem" in data:
                        raise _failure(self._login.host, result)
                    return result

    def _hold(self, lock: _Lock, code: str, data: Mapping[str, list[str]]) -> None:
        """Take the answer to the order for the lock: hold it, or raise the error that says who does."""
        if code == "0":
            self._heart = _Heart(self._send)
            return
        self._lock = None
        self.close()
        if code == "75":
            who = data.get("holder", [""])[-1].rpartition(" for ")[0] or "somebody else"
            raise DeploymentLockedError(
                f"{self._login.host} is being deployed to by {who}",
                hint="wait for it with --wait-lock 15m; the lock goes with its holder",
            )
        hint = "see: fraisier provider-test FRAISE ENV"
        raise TargetError(f"{lock.file} cannot be written on {self._login.host}", hint=hint)

    def _next_line(self, channel: Channel, deadline: float, timeout: float) -> str:
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TargetError(f"{self._login.host} took longer than {timeout:g} s; it was told to stop")
            try:
                channel.settimeout(min(left, _POLL))
                chunk = channel.recv(65536)
            except TimeoutError:
                if not self._login.alive:
                    raise EOFError from None
                continue
            if not chunk:
                raise EOFError
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")


class _Lock(NamedTuple):
    """The lock that was asked for, and the number of the order."""

    file: str
    number: str


class _Heart:
    """Tells the agent that we are still here, for as long as we hold the lock."""

    def __init__(self, send: Callable[[str], object]) -> None:
        self._send = send
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT):
            try:
                self._send("alive")
            except (OSError, EOFError):
                return

    def stop(self) -> None:
        self._ended.set()


def _failure(host: str, result: Result) -> TargetError:
    """Return the error that a script tells of itself."""
    return TargetError(
        f"{result.one('problem')} on {host}",
        hint=result.one("hint"),
        command=result.one("command"),
        log=result.data.get("log") or result.lines[-50:],
    )
