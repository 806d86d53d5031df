"""The command line: its commands, and the one place where errors are printed."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from fraisier.cli import (
    deploy,
    health,
    history,
    init,
    listing,
    lock,
    logs,
    providers,
    rollback,
    schema,
    status,
    validate,
)
from fraisier.cli.invocation import Invocation

if TYPE_CHECKING:
    from fraisier.contract.errors import FraisierError

app = typer.Typer(
    name="fraisier",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

for module in (init, validate, schema, listing, providers, deploy, rollback, status, health, logs, history, lock):
    module.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"fraisier {version('fraisier')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="PATH", help="The file to read, for any command."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Deploy services to servers that you own, whatever runs there."""
    invocation: Invocation = ctx.find_root().obj
    invocation.config = config
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(2)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    invocation = Invocation()
    # What is wrong with the arguments is to be told in the form that they ask for, too.
    invocation.json, invocation.trace = "--json" in arguments, "--trace" in arguments
    try:
        _require_text(arguments)
        code = app(arguments, prog_name="fraisier", standalone_mode=False, obj=invocation)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - the boundary: nothing passes it unprinted
        return _fail(failure, invocation)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run the command line of this process."""
    ended: list[int] = []
    # Registered first, it is called last: by then everybody else has cleaned up.
    atexit.register(_leave, ended)
    ended.append(run(sys.argv[1:]))
    sys.exit(ended[0])


def _require_text(arguments: list[str]) -> None:
    """Refuse what the system's encoding could not read, which nothing here could print or record."""
    for argument in arguments:
        if not argument.isascii() and argument.encode(errors="replace").decode() != argument:
            from fraisier.contract.errors import UsageError

            raise UsageError(f"the argument {argument!a} is no text in UTF-8")


def _leave(ended: list[int]) -> None:
    """Leave with the exit code, without taking all modules apart, which takes 0.05 s after a deployment."""
    if not ended:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        # Python comes to the same, and tells of it.
        return
    os._exit(ended[0])


def _fail(failure: BaseException, invocation: Invocation) -> int:
    """Print a failure in one line (and as JSON where asked for), and return its exit code."""
    from fraisier.cli.render import error_json, print_error, print_json, say

    if isinstance(failure, typer.Exit):
        return failure.exit_code
    if invocation.trace:
        import traceback

        say(invocation.redact("".join(traceback.format_exception(failure))).rstrip())
    error = _as_error(failure, invocation)
    if invocation.json:
        print_json(error_json(error))
    print_error(error)
    return error.exit_code


def _as_error(failure: BaseException, invocation: Invocation) -> FraisierError:
    from fraisier.contract.errors import FraisierError, InternalError, InterruptedByUserError, UsageError

    if isinstance(failure, FraisierError):
        error = failure
    elif isinstance(failure, typer.TyperException):
        said = failure.format_message().rstrip(".")
        context = getattr(failure, "ctx", None)
        path = context.command_path if context is not None else "fraisier"
        error = UsageError(said[:1].lower() + said[1:], hint=f"see: {path} --help")
    elif isinstance(failure, KeyboardInterrupt | typer.Abort):
        error = InterruptedByUserError("interrupted")
    else:
        text = " ".join(str(failure).split())
        error = InternalError(f"internal error: {type(failure).__name__}: {text}", hint="rerun with --trace")
    error.message, error.hint = invocation.redact(error.message), invocation.redact(error.hint)
    error.problems = [invocation.redact(problem) for problem in error.problems]
    return error
