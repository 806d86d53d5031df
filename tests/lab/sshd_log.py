"""What sshd logged, counted: logins, and the commands that ran in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SshdLog:
    """The lines that sshd wrote, oldest first."""

    lines: tuple[str, ...]

    def after(self, earlier: SshdLog) -> SshdLog:
        """Return what was added since an earlier look."""
        return SshdLog(self.lines[len(earlier.lines) :])

    @property
    def logins(self) -> int:
        """How many logins were accepted."""
        return self._count("Accepted publickey for ")

    @property
    def commands(self) -> int:
        """How many commands were run, in whichever login."""
        return self._count("Starting session: command ")

    @property
    def subsystems(self) -> int:
        """How many times sftp, or the like, was asked for."""
        return self._count("Starting session: subsystem ")

    def _count(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in self.lines)
