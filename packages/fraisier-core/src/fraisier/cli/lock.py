"""`fraisier lock list`, `lock acquire` and `lock break`."""

from __future__ import annotations

from typing import Annotated

import typer

from fraisier.cli.completion import Environment, Fraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.add_typer(family, name="lock", help="Show, set and break the locks of targets.")

    @command(family, "list")
    def list_locks(run: Invocation) -> None:
        """List the targets that are locked, by whom and since when."""
        from fraisier.cli.render import print_json, print_table
        from fraisier.engine.state import locks

        with run.project().database() as database:
            found = locks.list_locks(database)
        if run.json:
            print_json(found)
            return
        rows = [
            (each.fraise, each.environment, each.holder, each.pid, each.locked_at, each.expires_at, each.reason)
            for each in found
        ]
        headings = ("fraise", "environment", "holder", "pid", "locked at", "expires at", "reason")
        print_table(headings, rows, "nothing is locked")

    @command(family, "acquire")
    def acquire(
        run: Invocation,
        fraise: Fraise,
        environment: Environment,
        message: Annotated[str, typer.Option("--message", "-m", help="Why, for those who run into it.")],
    ) -> None:
        """Freeze a target by hand: nothing is deployed to it until the lock is broken."""
        from fraisier.cli.render import print_json, print_text
        from fraisier.engine.project import operator
        from fraisier.engine.state import locks

        project = run.project()
        place = project.config.place(fraise, environment)
        with project.database() as database:
            frozen = locks.freeze(database, fraise, environment, place.provider, operator(), message)
        if run.json:
            print_json(frozen)
        else:
            print_text(f"{fraise} {environment} is locked; to undo: fraisier lock break {fraise} {environment}")

    @command(family, "break")
    def break_lock(run: Invocation, fraise: Fraise, environment: Environment) -> None:
        """Take a target's lock away from whoever holds it; a deployment that runs there stops at its next step."""
        from fraisier.cli.render import print_json, print_text
        from fraisier.engine.project import operator
        from fraisier.engine.state import locks

        project = run.project()
        project.config.place(fraise, environment)
        with project.database() as database:
            broken = locks.break_lock(database, fraise, environment, operator())
        if run.json:
            print_json(broken)
        elif not broken:
            print_text(f"{fraise} {environment} was not locked")
        for each in () if run.json else broken:
            print_text(f"broke the lock of {each.holder} on {fraise} {environment}")
