"""`fraisier list`."""

from __future__ import annotations

import typer

from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "list")
    def list_fraises(run: Invocation) -> None:
        """List every service and environment with what the history knows of it; asks no target."""
        from fraisier.cli.render import print_json, print_table
        from fraisier.engine import reading

        found = reading.listed(run.project())
        if run.json:
            print_json(found)
            return
        rows = [
            (each.fraise, each.environment, each.provider, each.type, each.version, each.status, each.deployed_at)
            for each in found
        ]
        headings = ("fraise", "environment", "provider", "type", "version", "status", "deployed at")
        print_table(headings, rows, "no fraises in the file")
