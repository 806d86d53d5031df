"""`fraisier history`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from fraisier.cli.completion import AnyEnvironment, AnyFraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "history")
    def history(
        run: Invocation,
        fraise: AnyFraise = None,
        environment: AnyEnvironment = None,
        number: Annotated[int, typer.Option("--number", "-n", min=1, help="At most so many, newest first.")] = 20,
        since: Annotated[
            str | None, typer.Option(metavar="WHEN", help="Only those begun since: 15m, 2d, 2026-11-23T10:00.")
        ] = None,
    ) -> None:
        """Show what was deployed and rolled back, newest first, with how it ended."""
        from fraisier.cli.render import print_json, print_table
        from fraisier.engine.attempt import shown
        from fraisier.engine.configuration.durations import parse_moment
        from fraisier.engine.state.history import History

        project = run.project()
        if fraise is not None:
            project.config.selected(fraise, environment)
        with project.database() as database:
            known = History(database)
            known.close_interrupted()
            found = known.recent(
                fraise=fraise,
                environment=environment,
                limit=number,
                since=None if since is None else parse_moment(since, datetime.now(UTC)),
            )
        if run.json:
            print_json(found)
            return
        rows = [
            (
                each.identifier,
                each.started_at,
                each.kind,
                shown(each.version, each.revision),
                each.status,
                "-" if each.duration_seconds is None else f"{each.duration_seconds:.1f} s",
                each.user,
                (each.error or {}).get("message"),
            )
            for each in found
        ]
        headings = ("deployment", "started", "kind", "version", "status", "took", "user", "error")
        print_table(headings, rows, "nothing was deployed yet")
