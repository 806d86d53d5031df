"""The docker command and its Compose plugin, as a target's options want them run.

Not by python-on-whales, which takes 0.25 s to import, as long as the whole rest of a start. Its commands have no
deadlines, lose what is said on their second stream (python-on-whales#219, #404), and give Compose no variables.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fraisier import CommandResult, Here, Reach, TargetError

from fraisier_compose.credentials import Credentials
from fraisier_compose.failures import failure
from fraisier_compose.options import Options
from fraisier_compose.process import Finished, OverdueError, follow, run
from fraisier_compose.tunnel import Tunnel

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class NoAnswerError(TargetError):
    """A command had not ended in time."""


class Docker:
    """The commands of one operation, all with the same settings, to the same engine.

    Args:
        options: the target's.
        folder: where `fraises.yaml` stands.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._credentials = Credentials(options.registry, os.environ) if options.registry else None
        self._environment = {**os.environ, **(self._credentials.environment if self._credentials else {})}
        self._tunnel: Tunnel | None = None
        self.inherited: list[int] = []
        """File descriptors that every command keeps open."""
        try:
            self._client = [
                _program(),
                *_flags("--context", options.context),
                *_flags("--host", options.docker_host),
            ]
            self.address = self._address()
            if self.address.startswith("ssh://"):
                self._tunnel = Tunnel(self.address, options.deadlines.connect)
                self.inherited.append(self._tunnel.lifeline)
                self._client = [self._client[0], "--host", self._tunnel.engine]
        except BaseException:
            self.close()
            raise

    @property
    def patience(self) -> float:
        """Seconds for the engine's first answer."""
        return self._options.deadlines.connect

    @property
    def is_here(self) -> bool:
        """Whether the engine runs on this machine."""
        return not self.address.startswith(("ssh://", "tcp://"))

    @property
    def reach(self) -> Reach:
        """How to get to where the engine publishes ports."""
        if self._tunnel is not None:
            return self._tunnel
        return _Beside(urlsplit(self.address).hostname or "") if self.address.startswith("tcp://") else Here()

    def close(self) -> None:
        """End what the commands shared."""
        if self._tunnel is not None:
            self._tunnel.close()
        if self._credentials is not None:
            self._credentials.close()

    def try_engine(self, *words: str, timeout: float | None = None, **more: Any) -> Finished:
        """Run `docker WORDS`, and return how it ended, well or not; `more` is for `process.run`."""
        return self._run(self._client, words, timeout, more)

    def engine(self, what: str, *words: str, timeout: float | None = None, **more: Any) -> Finished:
        """Run `docker WORDS`.

        Raises:
            TargetError: it failed; `what` says what was tried.
        """
        return self._checked(what, self.try_engine(*words, timeout=timeout, **more))

    def follow(self, commands: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """Run several `docker WORDS` side by side, and give the lines of each after its name."""
        lines = {name: [*self._client, *words] for name, words in commands.items()}
        return follow(lines, environment=self._environment, folder=self._folder)

    def try_compose(
        self,
        *words: str,
        variables: Mapping[str, str] | None = None,
        override: Path | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> Finished:
        """Run `docker compose WORDS` on the project's files, and return how it ended, well or not.

        Args:
            words: without those that name files, profiles and the project.
            variables: for the file, and for `override`.
            override: a file that adds to the user's.
            timeout: in seconds.
            more: for `process.run`.
        """
        options = self._options
        program = [
            *self._client,
            "compose",
            *_flags("--file", *map(self._path, options.files), override),
            *_flags("--profile", *options.profiles),
            *_flags("--env-file", *map(self._path, options.env_files)),
            *_flags("--project-name", options.project_name),
        ]
        return self._run(program, words, timeout, more, variables or {})

    def compose(self, what: str, *words: str, **more: Any) -> Finished:
        """Run `docker compose WORDS` like `try_compose`.

        Raises:
            TargetError: it failed; `what` says what was tried.
        """
        return self._checked(what, self.try_compose(*words, **more))

    def _path(self, path: str) -> Path:
        return self._folder / Path(path).expanduser()

    def _run(
        self,
        program: Sequence[str],
        words: Sequence[str],
        timeout: float | None,
        more: Mapping[str, Any],
        variables: Mapping[str, str] | None = None,
    ) -> Finished:
        timeout, command = timeout or self._options.deadlines.look, [*program, *words]
        try:
            return run(
                command,
                timeout=timeout,
                environment={**self._environment, **(variables or {})},
                folder=self._folder,
                inherited=self.inherited,
                **more,
            )
        except OverdueError as error:
            name = "docker compose" if "compose" in program else f"docker {words[0]}"
            message = f"{name} had not ended after {timeout:g} s, and was ended"
            hint = "is the engine there? docker version"
            log = [*error.lines[-50:], *self._said()]
            raise NoAnswerError(message, hint=hint, command=self._shown(command), log=log) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TargetError(f"docker cannot be run: {reason}", command=self._shown(command)) from None

    def _checked(self, what: str, finished: Finished) -> Finished:
        if finished.exit_code == 0:
            return finished
        error = failure(what, self._shown(finished.command), finished.lines)
        for said in self._said():
            error.log.append(said)
            if "open failed" in said:
                error.message += f" ({said})"
                error.hint = "name the engine's socket there: docker_host: ssh://USER@HOST/PATH"
        raise error

    def _shown(self, command: Sequence[str]) -> str:
        """Return a command as a person would write it, for whom our end of a tunnel is nothing."""
        ours = self._tunnel.engine if self._tunnel is not None else ""
        return shlex.join(["docker", *(self.address if word == ours else word for word in command[1:])])

    def _said(self) -> list[str]:
        """Return what ssh said last."""
        said = self._tunnel.said() if self._tunnel is not None else ""
        return [f"ssh: {said}"] if said else []

    def _address(self) -> str:
        """Return where the engine is, or an empty text where the docker command knows by itself."""
        if self._options.docker_host is not None:
            return self._options.docker_host
        if self._options.context is None and (host := self._environment.get("DOCKER_HOST")):
            return host
        name = self._options.context or self._environment.get("DOCKER_CONTEXT") or self._current_context()
        if not name or name == "default":
            return ""
        command = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}", name)
        return self.engine(f"cannot use the context {name}", *command).text.strip()

    def _current_context(self) -> str:
        folder = Path(self._environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
        with suppress(OSError, ValueError, AttributeError):
            return str(
                json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext") or ""
            )
        return ""


class _Beside(Here):
    """Reaches what an engine publishes that is spoken to over TCP: its loopback is not ours."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection, to the engine's host where that means itself."""
        return super().connect(self._engine if host in _LOOPBACK else host, port, timeout)

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command there, which is not possible."""
        raise OSError("no command can be run beside an engine that is reached by TCP")


def _program() -> str:
    found = shutil.which("docker")
    if found is None:
        hint = "install it: apt-get install docker.io, or see docs.docker.com/engine/install"
        raise TargetError("there is no docker command on this machine", hint=hint)
    return found


def _flags(name: str, *values: object) -> list[str]:
    """Return an option for each value that is set."""
    return [word for value in values if value is not None for word in (name, str(value))]
