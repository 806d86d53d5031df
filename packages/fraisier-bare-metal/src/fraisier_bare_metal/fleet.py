"""All hosts of a target: the same thing done on each of them, at the same time, and a result for each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import dropwhile
from typing import Final, TypeVar

from fraisier import (
    DeploymentLockedError,
    FraisierError,
    Progress,
    Target,
    TargetChangedError,
    TargetError,
    in_parallel,
)

from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options

T = TypeVar("T")
_FAREWELL: Final = 5.0
"""Seconds that a host may take to end when it is interrupted; what still hangs then is left behind."""


class Fleet:
    """The hosts of a target, in the order of the file; the session keeps their connections."""

    def __init__(self, target: Target, options: Options) -> None:
        self.options = options
        self.interrupted = threading.Event()
        """Set by Ctrl-C: whoever waits for a host is to end."""
        self.hosts = [_host(name, target, options) for name in options.hosts]

    def on_each(
        self, hosts: Sequence[Host], work: Callable[[Host], T], away: dict[str, FraisierError] | None = None
    ) -> Mapping[str, T]:
        """Do something on several hosts and return what each gave.

        Args:
            hosts: those of ours that are meant.
            work: what to do.
            away: takes the errors of hosts that failed, as long as others did not, and none was refused its lock.

        Raises:
            FraisierError: the error of the only host, or one that names every host that failed; the others have
                been worked on to the end.
        """
        if len(hosts) == 1:
            return {hosts[0].name: work(hosts[0])}

        def attempt(host: Host) -> T | FraisierError:
            try:
                return work(host)
            except FraisierError as error:
                return error

        answers = in_parallel(
            hosts,
            attempt,
            at_once=self.options.max_parallel,
            on_interrupt=lambda: self._interrupt(hosts),
            farewell=_FAREWELL,
        )
        told = dict(zip(hosts, answers, strict=True))
        done = {host.name: each for host, each in told.items() if not isinstance(each, FraisierError)}
        failed = {host: each for host, each in told.items() if isinstance(each, FraisierError)}
        locked = any(isinstance(each, DeploymentLockedError) for each in failed.values())
        if failed and done and away is not None and not locked:
            away |= {host.name: error for host, error in failed.items()}
        elif failed:
            # From the first refused host on, locks are given back: those that are kept were taken in the order of
            # the list, so no two deployments can wait for each other.
            for host in dropwhile(lambda each: not isinstance(failed.get(each), DeploymentLockedError), hosts):
                host.close()
            before = away or {}
            named = before | {host.name: error for host, error in failed.items()}
            raise _combined(named, len(hosts) + len(before))
        return done

    def failure(self, failed: Mapping[str, FraisierError], others: str) -> FraisierError:
        """Return one error for what failed on some hosts, and say how the others are."""
        error = _combined(failed, len(self.hosts))
        if isinstance(error, DeploymentLockedError) and len(failed) < len(self.hosts):
            # Something was changed, which is more than that somebody else is at work.
            error = TargetError(error.message, hint=error.hint)
        if len(self.hosts) > 1:
            told = {host.name: failed.get(host.name) for host in self.hosts}
            error.problems = [f"{name}: {found.message if found else others}" for name, found in told.items()]
        return error

    def _interrupt(self, hosts: Sequence[Host]) -> None:
        """End what runs on hosts: it loses its connection."""
        self.interrupted.set()
        for host in hosts:
            host.close()

    def progress(self, progress: Progress, host: Host) -> Progress:
        """Return the progress for one host: as it is for a single one, else lines that name the host."""
        return progress if len(self.hosts) == 1 else _OfOneHost(progress, host.name)

    def step(self, progress: Progress, name: str, hosts: Sequence[Host]) -> AbstractContextManager[None]:
        """Return the step that several hosts share; a single host opens steps of its own."""
        return nullcontext() if len(self.hosts) == 1 else progress.step(f"{name} on {_named(hosts)}")


class _OfOneHost(Progress):
    """The lines of one host among several."""

    def __init__(self, progress: Progress, host: str) -> None:
        self._progress = progress
        self._host = host

    def step(self, name: str) -> AbstractContextManager[None]:
        self._progress.line(f"{self._host} | {name} ...")
        return nullcontext()

    def line(self, text: str) -> None:
        self._progress.line(f"{self._host} | {text}")

    def advance(self, done: float, total: float) -> None:
        return


def _host(name: str, target: Target, options: Options) -> Host:
    return target.session.get(f"bare_metal:{name}", lambda: Host(name, target, options))


def _named(hosts: Sequence[Host]) -> str:
    return hosts[0].name if len(hosts) == 1 else f"{len(hosts)} hosts"


def _combined(failed: Mapping[str, FraisierError], of: int) -> FraisierError:
    """Return one error that names every host that failed, with the whole story of the first one."""
    first = next(iter(failed.values()))
    if len(failed) == 1:
        return first
    kinds = (TargetChangedError, DeploymentLockedError, TargetError)
    kind = next((each for each in kinds if all(isinstance(error, each) for error in failed.values())), TargetError)
    names = ", ".join(failed)
    message = f"{len(failed)} of {of} hosts failed ({names}): {first.message}"
    problems = [f"{name}: {error}" for name, error in failed.items()]
    said = {error.message.removesuffix(f" on {name}") for name, error in failed.items()}
    if len(failed) == of and len(said) == 1:
        message, problems = f"{said.pop()} on all {of} hosts", []
    return kind(
        message,
        hint=first.hint,
        problems=problems,
        command=first.command,
        log=first.log,
    )
