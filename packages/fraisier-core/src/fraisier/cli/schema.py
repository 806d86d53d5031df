"""`fraisier schema`."""

from __future__ import annotations

import typer

from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "schema")
    def schema(run: Invocation) -> None:
        """Print the JSON Schema of fraises.yaml with the options of every installed provider, for an editor."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json
        from fraisier.engine.configuration.json_schema import schema as compose
        from fraisier.engine.validation import installed_options

        print_json(compose(installed_options(run.redactor, warn)))
