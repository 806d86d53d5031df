"""The names that a shell completes: fraises and environments of the file at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fraisier.engine.configuration.config import Config


def complete_fraise(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the fraises that begin with what was typed."""
    config = _config(ctx)
    return [] if config is None else [name for name in config.fraises() if name.startswith(incomplete)]


def complete_environment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the environments of the typed fraise that begin with what was typed."""
    config = _config(ctx)
    fraise = ctx.params.get("fraise")
    if config is None or not fraise:
        return []
    return [name for name in config.environments(fraise) if name.startswith(incomplete)]


def _config(ctx: typer.Context) -> Config | None:
    from fraisier.contract.errors import FraisierError
    from fraisier.engine.configuration.config import find_config, load_config

    named = ctx.params.get("config") or ctx.find_root().params.get("config")
    try:
        return load_config(find_config(named, os.environ, Path.cwd()))
    except (FraisierError, OSError):
        # A shell that asks for names has no place to show an error.
        return None


Fraise = Annotated[
    str, typer.Argument(help="The service, as fraises.yaml names it.", autocompletion=complete_fraise)
]
Environment = Annotated[str, typer.Argument(help="One of its environments.", autocompletion=complete_environment)]
AnyFraise = Annotated[str | None, typer.Argument(help="Only this service.", autocompletion=complete_fraise)]
AnyEnvironment = Annotated[
    str | None, typer.Argument(help="Only this environment.", autocompletion=complete_environment)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show what the target says and usually is too much, too.")
]
WaitLock = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Wait so long for another deployment to end: 90s, 15m, 1h."),
]
