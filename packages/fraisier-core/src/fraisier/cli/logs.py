"""`fraisier logs`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from fraisier.cli.completion import Environment, Fraise
from fraisier.cli.invocation import Invocation, command

_SOME: Final = 100
_ALL: Final = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "logs")
    def logs(
        run: Invocation,
        fraise: Fraise,
        environment: Environment,
        lines: Annotated[
            int | None,
            typer.Option("--lines", "-n", min=0, help="How many of the last lines; 100, with --since all."),
        ] = None,
        follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines as they come.")] = False,
        since: Annotated[
            str | None, typer.Option(metavar="WHEN", help="Nothing older than: 15m, 2d, 2026-11-23T10:00.")
        ] = None,
    ) -> None:
        """Show a service's own log.

        Ctrl-C ends --follow, which is no failure: exit code 0.
        """
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.engine import reading
        from fraisier.engine.configuration.durations import parse_moment

        if run.json and follow:
            raise typer.BadParameter(
                "--json prints one document, which --follow never ends; leave one of them out"
            )
        begin = None if since is None else parse_moment(since, datetime.now(UTC))
        if lines is None:
            lines = _ALL if begin else _SOME
        project = run.project()
        found = reading.logs(project, project.config.place(fraise, environment), lines, follow, warn, begin)
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
