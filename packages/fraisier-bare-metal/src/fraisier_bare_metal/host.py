"""One host within one operation: logged in when first needed, and again when the connection was lost."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from fraisier import CommandResult, Progress, Target

from fraisier_bare_metal.options import Options
from fraisier_bare_metal.shell import RemoteShell, Result
from fraisier_bare_metal.ssh import Login


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
        self.known: Result | None = None
        """What the last look found, as long as nothing was changed."""
        self.published: tuple[float, Result] | None = None
        """When a release was put in service, and what that found of the unit, until somebody asks for it."""

    @property
    def login(self) -> Login:
        """The connection, opened."""
        with self._guard:
            if self._login is not None and not self._login.alive:
                self.close()
            if self._login is None:
                login = Login(self.name, self._target, self._options)
                login.open()
                self._login = login
            return self._login

    @property
    def shell(self) -> RemoteShell:
        """The remote shell, started."""
        with self._guard:
            login = self.login
            if self._shell is None or not self._shell.alive:
                self._shell = RemoteShell(login)
            return self._shell

    def look(self, script: str, values: Mapping[str, Any]) -> Result:
        """Run a script that changes nothing."""
        return self._remembered(
            self.shell.run(script, {**values, "seen": self._seen}, self._options.deadlines.look)
        )

    def change(
        self, script: str, values: Mapping[str, Any], timeout: float, progress: Progress, undo: str = ""
    ) -> Result:
        """Run a script that changes the host, under its lock."""
        self.known = None
        shell = self.shell
        holder = f"{self._target.user} for {self._target.deployment_id or 'nothing recorded'}"
        shell.lock(f"{self._options.app_path}/.fraisier/lock", holder)
        values = {**values, "seen": self._seen}
        if undo:
            return self._remembered(shell.finish(script, undo, values, timeout, progress))
        return self._remembered(shell.run(script, values, timeout, progress))

    def _remembered(self, found: Result) -> Result:
        """Keep which release was seen in service: a host sees sooner that it still is than which one it is."""
        self._seen = found.one("id") or self._seen
        return found

    def connect(self, host: str, port: int, timeout: float) -> Any:
        """Open a TCP connection from the host, for a probe."""
        return self.login.connect(host, port, timeout)

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command on the host, for a probe."""
        values = {"app_path": self._options.app_path, "command": command, "seconds": f"{timeout:g}"}
        result = self.shell.run("probe", values, timeout + 5)
        if result.exit_code == 124:
            raise TimeoutError
        return CommandResult(result.exit_code, "\n".join(result.lines))

    def close(self) -> None:
        """Give back the lock, and log out."""
        with self._guard:
            shell, login = self._shell, self._login
            self._shell = self._login = None
        if shell is not None:
            shell.close()
        if login is not None:
            login.close()
