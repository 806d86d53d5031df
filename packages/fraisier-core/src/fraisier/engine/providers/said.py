"""What the provider itself said in one call, whatever the plugins around it make of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from fraisier.contract.hookspecs import hookimpl
from fraisier.engine.providers.loader import HOOKS

Wrapping = Generator[None, Any, Any]


class Said:
    """The innermost wrapper of each hook, to be registered last: it keeps the outcome of the latest call."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew for the next call."""
        self.returned = False
        self.value: Any = None
        self.error: BaseException | None = None

    def keep(self) -> Wrapping:
        """Let the call through and keep its outcome."""
        try:
            self.value = yield
        except BaseException as error:
            self.error = error
            raise
        self.returned = True
        return self.value


def _keeping() -> Callable[[Said], Wrapping]:
    @hookimpl(wrapper=True, trylast=True)
    def hook(self: Said) -> Wrapping:
        return (yield from self.keep())

    return hook


for _hook in HOOKS:
    setattr(Said, _hook, _keeping())
