"""`fraisier validate`."""

from __future__ import annotations

import typer

from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "validate")
    def validate(run: Invocation) -> None:
        """Check the file and every provider's options in it; looks up no secret and asks no target."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.engine.validation import validate as check

        config = check(run.config_path(), run.redactor, warn)
        count = len(config.places)
        if run.json:
            print_json({"valid": True, "path": str(config.path), "targets": count})
        else:
            print_text(f"{config.document.shown}: {count} target{'s' if count != 1 else ''}, no problems")
