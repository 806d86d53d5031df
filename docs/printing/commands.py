"""The help of every command, as `fraisier ... --help` shows it on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main
from fraisier.cli.main import app

WIDTH = 80


def command_names() -> list[str]:
    """Return every command as it is typed: `deploy`, `lock list`."""
    return [" ".join(names) for names, _ in _commands(typer.main.get_command(app))]


def print_commands() -> None:
    """Print a section for each command."""
    root: Any = typer.main.get_command(app)
    for names, command in _commands(root):
        context: Any = None
        for name, each in zip(("fraisier", *names), _chain(root, names), strict=True):
            context = each.context_class(
                each, info_name=name, parent=context, terminal_width=WIDTH, **each.context_settings
            )
        print(f"### `fraisier {' '.join(names)}`\n\n```text\n{command.get_help(context)}\n```\n")


def _commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


def _chain(root: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Give the command and all the groups above it, outermost first."""
    yield root
    for name in names:
        root = root.commands[name]
        yield root
