"""`fraisier rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from fraisier.cli.completion import Environment, Fraise, Verbose, WaitLock
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "rollback")
    def rollback(
        run: Invocation,
        fraise: Fraise,
        environment: Environment,
        to: Annotated[
            str | None,
            typer.Option(
                metavar="V",
                help="A version, a revision or its beginning, or a deployment of the history"
                " [default: the version before the present one].",
            ),
        ] = None,
        wait_lock: WaitLock = None,
        verbose: Verbose = False,
    ) -> None:
        """Put an earlier successful version back in service.

        Exit codes: 0 back in service, 2 no such version, 9 the rollback failed.
        """
        from fraisier.cli.display import showing_progress
        from fraisier.cli.render import deployment_sentence, print_json, print_text
        from fraisier.engine import operations, reading
        from fraisier.engine.configuration.durations import parse_duration

        project = run.project(verbose)
        place = reading.in_use(project, project.config.place(fraise, environment))
        wait = 0.0 if wait_lock is None else parse_duration(wait_lock)
        with showing_progress() as display:
            done = operations.rollback(project, place, to, display, wait)
        if run.json:
            print_json(done)
        else:
            print_text(deployment_sentence(done))
