"""The remote shell of a host: scripts, and the lock, ordered from the agent there."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

from fraisier import Progress, TargetError
from paramiko import Channel, SSHException

from fraisier_bare_metal.lock import AskedLock, Heart
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.script import agent, composed, hides, order
from fraisier_bare_metal.ssh.login import Login
from fraisier_bare_metal.transcript import Quiet, Transcript

T = TypeVar("T")
_POLL: Final = 0.5
_KEPT_LINES: Final = 50


class Deadline(NamedTuple):
    """How long a script may take."""

    seconds: float
    hint: str = ""
    """What to do when it took longer."""


class NoGreetingError(TargetError):
    """The connection was lost before the agent's greeting came.

    Where the agent had begun all the same, it ends and takes back what it did, and keeps its lock until then.
    """


class RemoteShell:
    """One command on one host, which runs whatever is asked until it is closed. One script at a time."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._mark = f"@@{secrets.token_hex(8)}"
        self._number = 0
        self._pending = b""
        self._greeted = False
        self._before_greeting: deque[str] = deque(maxlen=_KEPT_LINES)
        self._lock: AskedLock | None = None
        self._heart: Heart | None = None
        self._idle = True
        self._undoing = 0.0
        self._sending = threading.Lock()
        self._channel: Channel | None = None

    @property
    def alive(self) -> bool:
        """Whether the agent is there, as far as is known."""
        return (self._channel is None or not self._channel.closed) and self._login.alive

    @property
    def busy(self) -> bool:
        """Whether the last script may go on: it was not refused the lock, and its end was not heard."""
        return not self._idle and self._lock is not None

    def lock(self, file: str, holder: str, patience: float) -> None:
        """Ask for the host's lock, for as long as this shell lives; the answer comes with that of the next order.

        Args:
            file: the lock file on the host.
            holder: who we are, and for which deployment.
            patience: how many seconds to wait for what we have left behind ourselves.
        """
        if self._lock is None:
            self._lock = AskedLock(file, holder, str(self._next_number()))
            words = ("lock", self._lock.number, file, holder, f"{patience:.0f}")
            self._try(lambda: self._send(*words))

    def run(
        self,
        script: str,
        values: Mapping[str, Any],
        deadline: Deadline,
        progress: Progress | None = None,
        undo: str = "",
    ) -> Result:
        """Run one of the scripts; it is ended when the client goes away.

        Args:
            script: its name, without `.sh`; several names make one script.
            values: the variables that it takes, and perhaps others.
            deadline: when it is told to stop.
            progress: hears its steps and its lines.
            undo: the script that the host runs by itself when the first one is ended, or fails, without us.

        Raises:
            TargetError: the connection was lost, or the time is over.
        """
        marked, scripts = {**values, "mark": self._mark}, [each for each in (script, undo) if each]
        words = [composed(each, marked) for each in scripts]
        hidden = any(hides(each, marked) for each in scripts)
        return self._order(words, progress or Quiet(), deadline, hidden)

    def note(self, file: str, line: str) -> None:
        """Add a line to a file on the host; it is there before anything that is ordered later."""
        self._try(lambda: self._send("note", str(self._next_number()), file, line))

    def close(self) -> None:
        """Say goodbye, which gives the lock back; in the middle of a script, go without a word, which ends it."""
        if self._heart is not None:
            self._heart.stop()
        if self._channel is not None:
            if self._idle:
                with suppress(OSError, EOFError, SSHException):
                    self._send("bye")
            self._channel.close()

    def _send(self, *words: str, hidden: bool = True) -> Channel:
        """Give an order; the first one starts the agent, and comes with the command unless it has to be hidden."""
        # The heart beats in a thread of its own, and must not do so in the middle of an order.
        with self._sending:
            begins = self._channel is None and not hidden
            if self._channel is None:
                self._channel = self._login.start(agent(self._mark, *(words if begins else ())))
            if not begins:
                self._channel.sendall(order(*words))
            return self._channel

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _order(self, words: list[str], progress: Progress, deadline: Deadline, hidden: bool) -> Result:
        number = str(self._next_number())

        def work() -> Result:
            self._idle = False
            channel = self._send("run", number, *words, hidden=hidden)
            return self._listen(channel, number, progress, deadline)

        try:
            return self._try(work)
        except BaseException:
            # Ctrl-C, or the time is over: what runs there is told to end. What undoes it may take as long again.
            if self._channel is not None and not self._idle:
                self._undoing = deadline.seconds if len(words) > 1 else 0.0
                with suppress(OSError, EOFError, SSHException):
                    self._send("stop", number)
            raise

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (OSError, EOFError, SSHException) as error:
            if self._greeted:
                raise self._login.lost(error) from error
            # Such as that this account is not available.
            last = self._pending.decode(errors="replace")
            said = [line for line in (*self._before_greeting, last) if line.strip()]
            lost = self._login.lost(error, said[-1] if said else "")
            raise NoGreetingError(lost.message, hint=lost.hint, log=said) from error

    def _listen(self, channel: Channel, number: str, progress: Progress, deadline: Deadline) -> Result:
        """Read until the script ends."""
        until = time.monotonic() + deadline.seconds + self._undoing
        with Transcript(self._mark, progress) as transcript:
            while True:
                line = self._next_line(channel, until, deadline)
                if not self._greeted:
                    # What the account's own shell has to say comes first.
                    self._greeted = line == f"{self._mark} hello"
                    self._before_greeting.append(line)
                    continue
                end = transcript.take(line)
                if end is not None and self._lock is not None and end.number == self._lock.number:
                    self._hold(self._lock, end.exit_code, transcript.data)
                elif end is not None and end.number == number:
                    self._idle, self._undoing = True, 0.0
                    result = Result(end.exit_code, transcript.data, list(transcript.lines))
                    if result.exit_code != 0 and "problem" in result.data:
                        raise result.failure(self._login.host)
                    return result

    def _hold(self, lock: AskedLock, code: int, data: Mapping[str, list[str]]) -> None:
        """Take the answer to the order for the lock: hold it, or raise the error that says who does."""
        if code == 0:
            self._heart = Heart(self._send)
            return
        self._lock = None
        self.close()
        raise lock.refusal(self._login.host, code, data.get("holder", [""])[-1])

    def _next_line(self, channel: Channel, until: float, deadline: Deadline) -> str:
        while b"\n" not in self._pending:
            left = until - time.monotonic()
            if left <= 0:
                said = f"{self._login.host} took longer than {deadline.seconds:g} s; it was told to stop"
                raise TargetError(said, hint=deadline.hint)
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
