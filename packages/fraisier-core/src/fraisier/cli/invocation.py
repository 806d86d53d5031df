"""What every command shares: the options that all of them take, and what these stand for."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fraisier.engine.configuration.redaction import Redactor
    from fraisier.engine.project import Project

Command = Callable[..., None]


class Invocation:
    """One run of the command line. Everything behind it is imported when it is first asked for."""

    def __init__(self) -> None:
        self.json = False
        self.trace = False
        self.config: Path | None = None
        self._redactor: Redactor | None = None

    @property
    def redactor(self) -> Redactor:
        """What knows the secrets of this run."""
        if self._redactor is None:
            from fraisier.engine.configuration.redaction import Redactor

            self._redactor = Redactor()
        return self._redactor

    def redact(self, text: str) -> str:
        """Mask the secrets that this run has seen."""
        return text if self._redactor is None else self._redactor(text)

    def config_path(self) -> Path:
        """Return the file that this run is about, or raise ConfigError."""
        from fraisier.contract.errors import ConfigError
        from fraisier.engine.configuration.config import find_config

        try:
            here = Path.cwd()
        except FileNotFoundError:
            raise ConfigError("the working folder is gone", hint="cd to one that exists") from None
        return find_config(self.config, os.environ, here)

    def project(self, verbose: bool = False) -> Project:
        """Read that file, or raise ConfigError."""
        from fraisier.engine.project import Project

        return Project.read(self.config_path(), self.redactor, verbose=verbose)


_CONFIG = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="PATH", help="The file to read [default: fraises.yaml here or above]."),
]
_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
_TRACE = Annotated[bool, typer.Option("--trace", help="Print a traceback when something fails.")]


def command(app: typer.Typer, name: str) -> Callable[[Command], Command]:
    """Register a function as a command that takes `-c`, `--json` and `--trace` too.

    Its first argument is the Invocation, which holds these; the others are its own; its docstring is the help.
    """

    def register(function: Command) -> Command:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(ctx: typer.Context, config: Path | None, json: bool, trace: bool, **arguments: Any) -> None:
            invocation: Invocation = ctx.find_root().obj
            invocation.config = config or invocation.config
            invocation.json = invocation.json or json
            invocation.trace = invocation.trace or trace
            try:
                function(invocation, **arguments)
            except KeyboardInterrupt as interrupt:
                # Typer would end without a word, and without the document that `--json` promises.
                from fraisier.contract.errors import InterruptedByUserError

                raise InterruptedByUserError(f"interrupted by {str(interrupt) or 'Ctrl-C'}") from interrupt

        plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            inspect.Parameter("ctx", plain, annotation=typer.Context),
            *own,
            inspect.Parameter("config", plain, annotation=_CONFIG, default=None),
            inspect.Parameter("json", plain, annotation=_JSON, default=False),
            inspect.Parameter("trace", plain, annotation=_TRACE, default=False),
        ]
        # Typer goes by the signature and the annotations; the wrapped function's own would hide what is added.
        del run.__wrapped__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(name, short_help=(function.__doc__ or "").splitlines()[0])(run)
        return function

    return register
