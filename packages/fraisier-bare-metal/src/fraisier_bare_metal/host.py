"""One host within one operation: logged in when first needed, and again when the connection was lost."""

from __future__ import annotations

import math
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from fraisier import CommandResult, DeploymentLockedError, FraisierError, Progress, Secret, Target, TargetError

from fraisier_bare_metal.ledger import Entry, succeeded
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.shell import Deadline, NoGreetingError, RemoteShell
from fraisier_bare_metal.ssh.login import Login
from fraisier_bare_metal.unit import WATCHED, Unit

_BY_A_SIGNAL: Final = 128
_LEAVING: Final = 90.0
"""Seconds within which a host gives up a client of which it hears nothing; see `script.agent`."""


class Host:
    """What hooks share of a host; the session closes it."""

    def __init__(self, name: str, target: Target, options: Options) -> None:
        self.name = name
        self._target = target
        self._options = options
        self._guard = threading.RLock()
        self._login: Login | None = None
        self._shell: RemoteShell | None = None
        self._seen = ""
        self._found: Result | None = None
        self._fresh = False
        self._abandoned = False
        self._published: tuple[float, Result] | None = None
        self.unproven: Entry | None = None
        """What was put in service, or found there, and is not recorded as healthy."""

    @property
    def login(self) -> Login:
        """The connection, opened."""
        with self._guard:
            if self._login is not None and not self._login.alive:
                self.close()
            return self._login or self._log_in()

    def _log_in(self) -> Login:
        """Log in, or raise TargetError, also for what no library should raise for a wrong name or key."""
        try:
            # It is there before it is open, so that closing it ends what this thread waits for.
            self._login = login = Login(self.name, self._target, self._options)
            login.open()
        except FraisierError:
            self._login = None
            raise
        except Exception as error:
            self._login = None
            said = f"cannot log in to {self.name}: {type(error).__name__}: {' '.join(str(error).split())}"
            raise TargetError(said, hint=f"look with: ssh {shlex.quote(self.name)} true") from error
        if self._login is not login:
            login.close()
            raise TargetError(f"the login to {self.name} was given up")
        return login

    @property
    def shell(self) -> RemoteShell:
        """The remote shell, started."""
        with self._guard:
            login = self.login
            if self._shell is None or not self._shell.alive:
                self._shell = RemoteShell(login)
            return self._shell

    @property
    def _values(self) -> dict[str, Any]:
        """The variables that every script takes."""
        options = self._options
        user = ["--user"] if options.user_unit else []
        return {
            "app_path": options.app_path,
            "mirror": f"{options.app_path}/{'repo.git' if options.layout == 'releases' else '.git'}",
            "layout": options.layout,
            "unit": options.unit,
            "systemctl": " ".join(options.systemctl),
            "show": " ".join(["systemctl", *user]),
            "journalctl": " ".join(["journalctl", *user]),
            "restart": options.restart,
            "seen": self._seen,
        }

    def look(self, script: str, values: Mapping[str, Any], progress: Progress | None = None) -> Result:
        """Run a script that changes nothing.

        Where a change was cut off, what it had begun may go on, since the host perhaps knows nothing of the cut.
        What is seen before the lock is ours is then not how it stays.
        """
        left = self._patience if self._abandoned else 0.0
        deadline = Deadline(self._options.deadlines.look + left, "set deadlines.look for a host that is slow")

        def order(shell: RemoteShell) -> Result:
            if self._abandoned:
                self._lock(shell)
            return shell.run(script, {**self._values, **values}, deadline, progress)

        try:
            found = self._ask(order)
        except DeploymentLockedError as error:
            raise TargetError(error.message, hint=error.hint) from error
        self._abandoned = False
        if found.exit_code > _BY_A_SIGNAL:
            raise found.cut_off(script, self.name)
        return self._saw(found)

    def check(self, values: Mapping[str, Any]) -> Result:
        """Look at all that a deployment needs; what is in service is among it, which spares the next look."""
        self._found = self.look("checks", values)
        self._fresh = True
        return self._found

    def in_service(self, *, fresh: bool) -> Result:
        """Return what is in service.

        Args:
            fresh: whether to look, unless that was done a moment ago for pre-flight; without it, the last look
                counts, as long as nothing was changed since.
        """
        if self._found is None or (fresh and not self._fresh):
            self._found = self.look("look", {})
        self._fresh = False
        return self._found

    def change(
        self, script: str, values: Mapping[str, Any], timeout: float, progress: Progress, undo: str = ""
    ) -> Result:
        """Run a script that changes the host, under its lock.

        Args:
            script: its name; see `RemoteShell.run`.
            values: its variables.
            timeout: in seconds, for all of it; what takes long in it has deadlines of its own.
            progress: hears its steps and its lines.
            undo: the script that the host runs by itself when this one is cut off.
        """
        self._found = None
        deadline = Deadline(timeout, "see what hangs there, the deadlines of all its parts come to this")

        def order(shell: RemoteShell) -> Result:
            self._lock(shell)
            try:
                return shell.run(script, {**self._values, **values}, deadline, progress, undo)
            finally:
                self._abandoned = shell.busy

        found = self._ask(order)
        if found.exit_code != 0:
            raise found.cut_off(script, self.name)
        return self._saw(found)

    def _lock(self, shell: RemoteShell) -> None:
        holder = f"{self._target.user} for {self._target.deployment_id or 'nothing recorded'}"
        shell.lock(f"{self._options.app_path}/.fraisier/lock", holder, self._patience)

    @property
    def _patience(self) -> float:
        """How many seconds what a lost connection has left behind may take to end, and to be undone."""
        in_place = self._options.layout == "in_place"
        return _LEAVING + (self._options.deadlines.build * len(self._options.build) if in_place else 0.0)

    def _ask(self, order: Callable[[RemoteShell], Result]) -> Result:
        """Give an order; once more where the connection was lost without a word: the lock keeps the two apart."""
        shell = self.shell
        try:
            return order(shell)
        except NoGreetingError as error:
            # At Ctrl-C, another thread has closed it.
            if error.log or self._shell is not shell:
                raise
        self.close()
        return order(self.shell)

    def _saw(self, found: Result) -> Result:
        """Keep which release was seen in service.

        `resolve` goes by it to refuse where somebody else has deployed before the lock was ours. A host also
        sees sooner that it still is that one than which one it is.
        """
        self._seen = found.one("id") or self._seen
        return found

    def published(self, found: Result, entry: Entry) -> None:
        """Remember that a release was put in service, and what that told of the unit."""
        self._published = time.monotonic(), found
        self.unproven = entry

    def unit(self) -> Unit:
        """Return what systemd said when the unit was put in service a moment ago, once, else what it says now."""
        published, self._published = self._published, None
        if published is not None and time.monotonic() - published[0] < WATCHED:
            told = published[1]
        else:
            told = self.look("unit", {})
        return Unit.of(told.data.get("unit", []), told.one("uptime"))

    def follow(self, script: str, values: Mapping[str, Any], progress: Progress) -> None:
        """Run a script that goes on for as long as somebody listens; it is not to end by itself."""
        found = self.shell.run(script, {**self._values, **values}, Deadline(math.inf), progress)
        raise found.cut_off(script, self.name)

    def prove(self) -> None:
        """Record on the host that what is in service was found healthy."""
        if self.unproven is not None:
            self.shell.note(f"{self._options.app_path}/.fraisier/ledger.jsonl", succeeded(self.unproven).line())
            self.unproven = None

    def connect(self, host: str, port: int, timeout: float) -> Any:
        """Open a TCP connection from the host, for a probe."""
        return self.login.connect(host, port, timeout)

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command on the host, for a probe."""
        values = {**self._values, "command": Secret(command), "seconds": f"{timeout:g}"}
        result = self._ask(lambda shell: shell.run("probe", values, Deadline(timeout + 5)))
        if result.exit_code == 124:
            raise TimeoutError
        return CommandResult(result.exit_code, "\n".join(result.lines))

    def close(self) -> None:
        """Give back the lock, and log out; without the guard, which whoever logs in right now keeps as long."""
        shell, login = self._shell, self._login
        self._shell = self._login = None
        if shell is not None:
            shell.close()
        if login is not None:
            login.close()
