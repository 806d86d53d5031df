"""`fraisier logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from fraisier.cli.completion import Environment, Fraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "logs")
    def logs(
        run: Invocation,
        fraise: Fraise,
        environment: Environment,
        lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
        follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines as they come.")] = False,
    ) -> None:
        """Show a service's own log.

        Ctrl-C ends --follow, which is no failure: exit code 0.
        """
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.engine import reading

        if run.json and follow:
            raise typer.BadParameter(
                "--json prints one document, which --follow never ends; leave one of them out"
            )
        project = run.project()
        found = reading.logs(project, project.config.place(fraise, environment), lines, follow, warn)
        if run.json:
            print_json({"lines": list(found)})
            return
        try:
            for line in found:
                if not print_text(line):
                    break
        except KeyboardInterrupt:
            # The way to end --follow, not a failure.
            if not follow:
                raise
