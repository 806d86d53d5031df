"""`fraisier health`."""

from __future__ import annotations

import typer

from fraisier.cli.completion import Environment, Fraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "health")
    def health(run: Invocation, fraise: Fraise, environment: Environment) -> None:
        """Probe a service once; exit code 0 when it is healthy and 7 when it is not."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.contract.errors import UnhealthyError
        from fraisier.engine import reading

        project = run.project()
        report = reading.health(project, project.config.place(fraise, environment), warn)
        if run.json:
            print_json(report)
        else:
            latency = "" if report.latency_seconds is None else f" ({1000 * report.latency_seconds:.1f} ms)"
            verdict = "healthy" if report.healthy else "not healthy"
            print_text(f"{fraise} {environment}: {verdict}: {report.detail}{latency}")
        if not report.healthy:
            raise typer.Exit(UnhealthyError.exit_code)
