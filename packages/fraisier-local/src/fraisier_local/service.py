"""The service's process: start it, know it again from another fraisier process, stop it with all its children."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import Final

import msgspec
from fraisier import Target, TargetError, process_started

from fraisier_local import process_group
from fraisier_local.git import environment_without_git
from fraisier_local.layout import Layout
from fraisier_local.options import Options
from fraisier_local.records import Ledger, Process, entry, now, read_process, write_process

_POLL: Final = 0.05
_KILL_TIMEOUT: Final = 10.0

# The shell waits for a word on its input before it becomes the service. The word comes when the service is
# recorded: if we die before, the shell reads the end of the pipe and ends, and no process is ever unknown.
_WAIT_FOR_GO: Final = 'read -r go && exec /bin/sh -c "$1" </dev/null'


def environment(options: Options, version: str, revision: str) -> dict[str, str]:
    """Return the environment of the service and of its build."""
    own = {name: value.reveal() for name, value in options.environment.items()}
    return {**environment_without_git(), **own, "FRAISIER_VERSION": version, "FRAISIER_REVISION": revision}


def is_running(process: Process | None) -> bool:
    """Tell whether this is the process that runs now, and not another one with its pid."""
    return process is not None and process_group.is_alive(process.pid, process.started)


def start(target: Target, options: Options, layout: Layout, release_id: str, version: str, revision: str) -> None:
    """Start the command in a release's folder, detached from us, its output appended to the log."""
    with layout.log.open("ab") as log:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _WAIT_FOR_GO, "fraisier", options.command],
            cwd=layout.release(release_id).resolve(),
            env=environment(options, version, revision),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    assert child.stdin is not None  # noqa: S101 - Popen was told to make a pipe
    try:
        with child.stdin as go:
            process = Process(
                pid=child.pid,
                started=process_started(child.pid) or "",
                machine=process_started(1),
                id=release_id,
                version=version,
                revision=revision,
                at=now(),
            )
            write_process(layout, process)
            Ledger(layout.ledger).append(entry(target, "started", release_id, version, revision))
            go.write(b"go\n")
    except BaseException:
        child.wait(timeout=_KILL_TIMEOUT)
        raise
    # It is to outlive us: Popen would warn about a child that it still has to wait for.
    child.returncode = 0


def stop(layout: Layout, timeout: float) -> None:
    """End what runs: SIGTERM to all of its processes, and SIGKILL to those that are left after `timeout` seconds.

    Raises:
        TargetError: something is still there after SIGKILL.
    """
    process = read_process(layout)
    if process is None or not _groups(process):
        return
    # Recorded first: whoever looks from now on, after whatever happens here, sees that this end was wanted.
    write_process(layout, msgspec.structs.replace(process, stopped_at=now()))
    if not _end(process, signal.SIGTERM, timeout) and not _end(process, signal.SIGKILL, _KILL_TIMEOUT):
        raise TargetError(
            f"process {process.pid} is still there {_KILL_TIMEOUT:g} s after SIGKILL",
            hint=f"see: ps -o pid,stat,wchan,args -s {process.pid}",
        )
    process_group.exit_code(process.pid)


def _groups(process: Process) -> set[int]:
    return process_group.groups(process.pid, process.started, process.machine)


def _end(process: Process, number: signal.Signals, timeout: float) -> bool:
    """Send a signal to all processes and tell whether they are gone in time."""
    deadline = time.monotonic() + timeout
    process_group.send(_groups(process), number)
    while left := _groups(process):
        if time.monotonic() >= deadline:
            return False
        if number == signal.SIGKILL:
            process_group.send(left, number)  # A process may have started another one in between.
        time.sleep(_POLL)
    return True
