"""All hosts of a target: the same thing done on each of them, at the same time, and a result for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from fraisier import DeploymentLockedError, FraisierError, Progress, Target, TargetError

from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options

T = TypeVar("T")


class Fleet:
    """The hosts of a target, in the order of the file; the session keeps their connections."""

    def __init__(self, target: Target, options: Options) -> None:
        self.options = options
        self.hosts = [_host(name, target, options) for name in options.hosts]

    def on_each(self, hosts: Sequence[Host], work: Callable[[Host], T]) -> Mapping[str, T]:
        """Do something on several hosts and return what each gave.

        Raises:
            FraisierError: the error of the only host, or one that names every host that failed; the others have
                been worked on to the end.
        """
        if len(hosts) == 1:
            return {hosts[0].name: work(hosts[0])}
        done: dict[str, T] = {}
        failed: dict[Host, FraisierError] = {}
        with ThreadPoolExecutor(max_workers=self.options.max_parallel) as pool:
            futures = {host: pool.submit(work, host) for host in hosts}
            try:
                for host, future in futures.items():
                    try:
                        done[host.name] = future.result()
                    except FraisierError as error:
                        failed[host] = error
            except BaseException:
                # Ctrl-C: what is not begun never is, and what runs loses its connection.
                for host, future in futures.items():
                    if not future.cancel():
                        host.close()
                raise
        if failed:
            raise _combined(failed, len(hosts))
        return done

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


def _combined(failed: Mapping[Host, FraisierError], of: int) -> FraisierError:
    """Return one error that names every host that failed, with the whole story of the first one."""
    first = next(iter(failed.values()))
    if len(failed) == 1:
        return first
    kind = DeploymentLockedError if isinstance(first, DeploymentLockedError) else TargetError
    names = ", ".join(host.name for host in failed)
    message = f"{len(failed)} of {of} hosts failed ({names}): {first.message}"
    problems = [f"{host.name}: {error}" for host, error in failed.items()]
    said = {error.message.removesuffix(f" on {host.name}") for host, error in failed.items()}
    if len(failed) == of and len(said) == 1:
        message, problems = f"{said.pop()} on all {of} hosts", []
    return kind(
        message,
        hint=first.hint,
        problems=problems,
        command=first.command,
        log=first.log,
    )
