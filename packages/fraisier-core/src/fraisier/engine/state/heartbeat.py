"""The heartbeat of a lock that is held."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from fraisier.contract.errors import FraisierError
from fraisier.engine.state.database import StateDatabase
from fraisier.engine.state.lease import expiry


class Heartbeat:
    """Renews a lease from a thread and a connection of its own."""

    def __init__(self, path: Path, token: int, lease_seconds: float) -> None:
        self.lost = threading.Event()
        self._token = token
        self._lease_seconds = lease_seconds
        self._pause = lease_seconds / 3
        self._stopped = threading.Event()
        # A beat that waits long for a busy database would keep `stop` waiting; it is tried again instead.
        self._database = StateDatabase.open(path, busy_seconds=min(self._pause, 2.0))
        self._thread = threading.Thread(target=self._run, name="fraisier-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, which is a matter of milliseconds, and close its connection."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._database.close()

    def _run(self) -> None:
        while not self._stopped.wait(self._pause):
            with suppress(FraisierError):
                expires = expiry(self._lease_seconds)
                renew = "UPDATE tb_deployment_lock SET expires_at = ? WHERE fencing_token = ?"
                if self._database.write(renew, [expires, self._token]) == 0:
                    self.lost.set()
                    return
