"""The typed face of one loaded provider. Nobody else spells a hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from traceback import walk_tb
from types import ModuleType
from typing import Any, NoReturn, TypeGuard, TypeVar

import msgspec

from fraisier.contract.errors import FraisierError, ProviderError, Unsupported
from fraisier.contract.models import Check, Deployed, Deployment, Health, Release, Status, Target
from fraisier.contract.progress import Progress
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.loader import Loaded, load, takes
from fraisier.engine.providers.said import Said

T = TypeVar("T", bound=msgspec.Struct)
R = TypeVar("R", Deployed, Release)


class Provider:
    """Six methods that call the six hooks of one provider, check what comes back, and own its errors.

    Whatever a provider or a plugin around it says is redacted here, before anything else can see it.
    """

    def __init__(self, loaded: Loaded, redactor: Redactor, warn: Callable[[str], None]) -> None:
        self.name = loaded.offer.name
        self.distribution = loaded.offer.distribution
        self.version = loaded.offer.version
        self.options = loaded.options
        self._loaded = loaded
        self._redactor = redactor
        self._warn = warn
        self._said = Said()
        loaded.manager.register(self._said, name="fraisier")

    @classmethod
    def load(cls, name: str, redactor: Redactor, warn: Callable[[str], None]) -> Provider:
        """Load the provider of that name, or raise ProviderError."""
        return cls(load(name, warn), redactor, warn)

    def pre_flight(self, target: Target) -> list[Check]:
        """Look whether a deployment could work."""
        checks = self._call("pre_flight", list[Check], target=target)
        return [_redacted(check, self._redactor) for check in checks]

    def deploy(self, target: Target, release: Release, progress: Progress) -> Deployed:
        """Put a release in service."""
        deployed: Deployed = self._call("deploy", Deployed, target=target, release=release, progress=progress)
        return self._without_secrets(deployed)

    def status(self, target: Target) -> Status:
        """Tell what is in service."""
        status: Status = self._call("status", Status, target=target)
        return msgspec.structs.replace(
            status,
            details=self._redactor.mapping(status.details),
            release=None if status.release is None else self._without_secrets(status.release),
            earlier=[self._without_secrets(release) for release in status.earlier],
        )

    def rollback(self, target: Target, release: Release, progress: Progress) -> Deployed:
        """Put an earlier release back in service."""
        deployed: Deployed = self._call("rollback", Deployed, target=target, release=release, progress=progress)
        return self._without_secrets(deployed)

    def health(self, target: Target) -> Health:
        """Probe once."""
        health: Health = self._call("health", Health, target=target)
        return _redacted(health, self._redactor)

    def logs(self, target: Target, lines: int, follow: bool, since: datetime | None = None) -> Iterator[str]:
        """Give the service's own log, line by line."""
        if since is not None and not takes(self._loaded, "logs", "since"):
            raise Unsupported(f'provider "{self.name}" cannot choose lines by their time; leave --since out')
        found = self._call("logs", None, target=target, lines=lines, follow=follow, since=since)
        return self._checked_lines(found)

    def deployment_started(self, deployment: Deployment) -> None:
        """Tell the plugins that a deployment has begun."""
        self._notify("deployment_started", deployment)

    def deployment_finished(self, deployment: Deployment) -> None:
        """Tell the plugins that a deployment has ended."""
        self._notify("deployment_finished", deployment)

    def _call(self, hook: str, wanted: Any, **arguments: Any) -> Any:
        self._said.forget()
        try:
            result = getattr(self._loaded.manager.hook, hook)(**arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told as its author's
            if self._said.error is None and not self._said.returned:
                self._veto(hook, error)
            if self._said.returned:
                # The provider has done its work; a plugin that fails after it must not undo the news of that.
                self._warn(self._one_line(f"{self._plugin_of(error)} failed around {hook}: {_named(error)}"))
            result = self._said.value
        if self._said.error is not None:
            # What the provider said counts, not what a plugin made of it.
            self._fail(hook, self._said.error)
        try:
            said = self._checked(wanted, self._said.value)
        except _Unfit as error:
            raise self._broken(hook, str(error)) from error.__cause__
        if result is self._said.value:
            return said
        try:
            return self._checked(wanted, result)
        except _Unfit as error:
            text = f"a plugin changed what {hook} returned, which is ignored: it {error}"
            self._warn(self._one_line(text))
            return said

    def _checked(self, wanted: Any, result: Any) -> Any:
        """Hold a result to its type in depth, which a struct's constructor does not, or raise _Unfit.

        It is taken the way through JSON that a record takes, so that a hook gets on another day what it gets now.
        """
        if wanted is None:
            if isinstance(result, Iterable) and not isinstance(result, str | bytes):
                return result
            raise _Unfit(f"returned {_described(result)}, the contract says Iterable[str]")
        name = getattr(wanted, "__name__", str(wanted)) if isinstance(wanted, type) else str(wanted)
        if wanted == list[Check]:
            name = "list[Check]"
            fits = isinstance(result, list | tuple) and all(isinstance(each, Check) for each in result)
        else:
            fits = isinstance(result, wanted)
        if not fits:
            raise _Unfit(f"returned {_described(result)}, the contract says {name}")
        try:
            return msgspec.convert(msgspec.json.decode(msgspec.json.encode(result)), wanted)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = str(error).replace("`", "")
            raise _Unfit(f"returned a {name} that does not hold what it must: {what}") from error

    def _checked_lines(self, found: Iterable[Any]) -> Iterator[str]:
        try:
            try:
                for line in found:
                    if not isinstance(line, str):
                        raise self._broken("logs", f"gave {_described(line)}, the contract says Iterable[str]")
                    yield self._redactor(line)
            finally:
                # What follows a log at the target ends when the caller stops asking, not some time later.
                close = getattr(found, "close", None)
                if callable(close):
                    close()
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told as the provider's
            self._fail("logs", error)

    def _veto(self, hook: str, error: BaseException) -> NoReturn:
        """Raise the error of a plugin that did not let the call through to the provider."""
        if _is_ours(error):
            self._fail(hook, error)
        message = f"{self._plugin_of(error)} failed before {hook}, which was not called: {_named(error)}"
        raise ProviderError(self._one_line(message), hint="rerun with --trace") from error

    def _plugin_of(self, error: BaseException) -> str:
        """Return the plugin out of which an error came, as far as its traceback tells."""
        names = {
            plugin.__name__: name
            for name, plugin in self._loaded.manager.list_name_plugin()
            if isinstance(plugin, ModuleType) and plugin is not self._loaded.module
        }
        modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)]
        return next((names[module] for module in reversed(modules) if module in names), "a plugin")

    def _fail(self, hook: str, error: BaseException) -> NoReturn:
        """Raise an error of the provider as one of fraisier's, without secrets, naming whose it is."""
        if isinstance(error, KeyboardInterrupt):
            raise error
        if not _is_ours(error):
            raise self._broken(hook, f"raised {_named(error)}") from error
        error.message = self._one_line(str(error.message))
        error.hint = self._redactor(str(error.hint))
        error.command = self._redactor(str(error.command))
        error.log = [self._redactor(str(line)) for line in error.log]
        error.problems = [self._redactor(str(problem)) for problem in error.problems]
        error.args = (error.message,)
        raise error

    def _broken(self, hook: str, what: str) -> ProviderError:
        message = f'provider "{self.name}" ({self.distribution} {self.version}) failed in {hook}: it {what}'
        return ProviderError(self._one_line(message), hint="rerun with --trace")

    def _one_line(self, text: str) -> str:
        return " ".join(self._redactor(text).split())

    def _without_secrets(self, found: R) -> R:
        return msgspec.structs.replace(found, details=self._redactor.mapping(found.details))

    def _notify(self, hook: str, deployment: Deployment) -> None:
        for offer, manager in self._loaded.listeners:
            try:
                getattr(manager.hook, hook)(deployment=deployment)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - a notification never fails a deployment
                self._warn(self._one_line(f'plugin "{offer.name}" ({offer}) failed in {hook}: {_named(error)}'))


class _Unfit(Exception):  # noqa: N818 - carries a sentence from one function to the next
    """What a hook returned is not what the contract says."""


def _redacted(struct: T, redactor: Redactor) -> T:
    """Return a struct whose texts are redacted."""
    fields: dict[str, Any] = msgspec.structs.asdict(struct)
    texts = {name: redactor(value) for name, value in fields.items() if isinstance(value, str)}
    return msgspec.structs.replace(struct, **texts)


def _is_ours(error: BaseException) -> TypeGuard[FraisierError]:
    """Tell whether an error has a kind and an exit code, which the root of the tree has not."""
    return isinstance(error, FraisierError) and hasattr(error, "kind") and hasattr(error, "exit_code")


def _named(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _described(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
