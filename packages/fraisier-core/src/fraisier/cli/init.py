"""`fraisier init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "init")
    def init(
        run: Invocation,
        provider: Annotated[str, typer.Option(metavar="NAME", help="The provider to write it for.")] = "local",
    ) -> None:
        """Write a commented fraises.yaml to begin with; never overwrites one."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.contract.errors import UsageError
        from fraisier.engine.configuration.config import FILE_NAME
        from fraisier.engine.configuration.starter import starter
        from fraisier.engine.providers.provider import Provider

        path = run.config or Path(FILE_NAME)
        text = starter(provider, Provider.load(provider, run.redactor, warn).options)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{path} exists already and is left as it is", hint="name another with -c") from None
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
        if run.json:
            print_json({"path": str(path.absolute()), "provider": provider})
        else:
            print_text(f"wrote {path}; fill it in, then: fraisier validate")
