"""`fraisier history`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
            str | None, typer.Option(metavar="TIME", help="Only those begun since: 2d, 12h, 2026-05-01, a time.")
        ] = None,
    ) -> None:
        """Show what was deployed and rolled back, newest first, with how it ended."""
        from fraisier.cli.render import print_json, print_table
        from fraisier.engine.attempt import shown
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
                since=None if since is None else _since(since),
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


def _since(text: str) -> datetime:
    """Read a duration before now, or a date or time in ISO 8601 (UTC unless it says otherwise)."""
    from fraisier.contract.errors import UsageError
    from fraisier.engine.configuration.durations import parse_duration

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        except (UsageError, OverflowError):
            raise UsageError(
                f'--since "{text}" is neither a time nor a duration', hint="such as 2d or 2026-05-01"
            ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
