"""What a script on a host ended with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fraisier import FraisierError, TargetChangedError, TargetError


class Result(NamedTuple):
    """What a script ended with."""

    exit_code: int
    data: Mapping[str, list[str]]
    """What it found out, by name, in order."""
    lines: list[str]
    """The last lines of its output and errors."""

    def one(self, name: str) -> str:
        """Return the last value of a name, or an empty text."""
        return self.data.get(name, [""])[-1]

    def cut_off(self, script: str, host: str) -> TargetError:
        """Return the error of a script that ended, or was ended, without a word."""
        said = f"the script {script!r} on {host} ended with exit code {self.exit_code}"
        hint = "something on the host may have ended it: see the host's journal"
        return TargetError(said, hint=hint, log=self.lines[-50:])

    def failure(self, host: str) -> FraisierError:
        """Return the error that the script tells of itself."""
        if "moved" in self.data:
            return TargetChangedError(f"{self.one('problem')} on {host}", hint=self.one("hint"))
        return TargetError(
            f"{self.one('problem')} on {host}",
            hint=self.one("hint"),
            command=self.one("command"),
            log=self.data.get("log") or self.lines[-50:],
        )
