"""Following a deployment to its end: its lines as they come, through whatever passes by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from fraisier import Progress, TargetError

from fraisier_coolify import deployment_queue
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.deployment_log import lines_of
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.resources import Application, Row

_LOG_LINES: Final = 50
_TAIL_SECONDS: Final = 1.5
"""How long the last lines of a deployment may come after its end."""
_SENTENCES: Final = {
    "failed": "the deployment failed",
    "cancelled-by-user": "the deployment was cancelled in Coolify, or by another client of its API",
}


class Following:
    """One deployment that is looked at until it ends."""

    def __init__(self, coolify: Coolify, application: Application, row: Row, progress: Progress) -> None:
        self._coolify = coolify
        self._application = application
        self._progress = progress
        self._seen = 0
        self._said = ""
        self.looks = 0
        """How often it was looked at."""
        self.is_late = False
        """Whether it has taken longer than it may."""
        self.row = row
        """As it was seen last."""

    def to_its_end(self, deadline: float) -> Row:
        """Return the row when it has finished.

        Raises:
            TargetError: it failed or was cancelled, with its last lines; or the deadline passed.
        """
        self._show()
        while not self.row.has_ended:
            if time.monotonic() > deadline:
                self.is_late = True
                raise self._error(f"the deployment has not ended after {self._coolify.options.timeout:g} s")
            self._coolify.pause()
            self._look()
        if self.row.status != "finished":
            self._wait_for_the_last_lines()
            raise self._error(_SENTENCES[self.row.status])
        return self.row

    def _look(self) -> None:
        """Look once; what passes by itself is waited out, for the deployment goes on without us."""
        self.looks += 1
        try:
            self.row = deployment_queue.look(self._coolify, self._application, self.row.deployment_uuid)
        except CoolifyError as error:
            if not error.passing:
                raise
            self._tell(f"{error.message}; looking again")
            return
        self._show()

    def _show(self) -> None:
        lines, self._seen = lines_of(self.row, hidden=self._coolify.target.verbose, seen=self._seen)
        for line in lines:
            self._progress.line(self._coolify.masked(line))
        if self.row.status == "queued":
            self._tell("queued, behind the deployments before it")

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._progress.line(text)
            self._said = text

    def _wait_for_the_last_lines(self) -> None:
        """Look once more: `failed` is written before the lines that say why."""
        time.sleep(min(_TAIL_SECONDS, self._coolify.options.poll_interval))
        self._look()

    def _error(self, sentence: str) -> TargetError:
        log = last_lines(self._coolify, self.row)
        link = self._coolify.link(self.row.deployment_url)
        why = f": {log[-1]}" if log and self.row.has_ended else ""
        return TargetError(f"{sentence}{why}", hint=f"see {link}", log=log)


def last_lines(coolify: Coolify, row: Row) -> Sequence[str]:
    """Return the last lines of a deployment; the hidden ones too where the others say nothing."""
    shown = lines_of(row, hidden=coolify.target.verbose)[0] or lines_of(row, hidden=True)[0]
    return [coolify.masked(line) for line in shown[-_LOG_LINES:]]
