"""`fraisier status`."""

from __future__ import annotations

import typer

from fraisier.cli.completion import AnyEnvironment, AnyFraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "status")
    def status(run: Invocation, fraise: AnyFraise = None, environment: AnyEnvironment = None) -> None:
        """Ask targets what is in service, and show where that differs from the history.

        Without arguments it asks every target of the file; one that cannot be asked is `unknown` and says why.
        """
        from msgspec.structs import astuple

        from fraisier.cli.display import warn
        from fraisier.cli.render import moment, print_json, print_table, print_text, printable
        from fraisier.engine import reading
        from fraisier.engine.attempt import shown

        project = run.project()
        places = project.config.selected(fraise, environment)
        if fraise is not None and environment is not None:
            reports = [reading.status(project, places[0], warn)]
        else:
            reports = reading.statuses(project, places, warn)
        if run.json:
            print_json(reports)
            return
        rows = [(*astuple(each)[:4], shown(each.version, each.revision), moment(each.since)) for each in reports]
        print_table(("fraise", "environment", "provider", "state", "version", "since"), rows, "no fraises")
        alone = len(reports) == 1
        for each in reports:
            for name, value in each.details.items():
                if alone:
                    print_text(printable(f"{name}: {value}"))
                elif name in ("drift", "error"):
                    print_text(printable(f"{each.fraise} {each.environment}: {name}: {value}"))
