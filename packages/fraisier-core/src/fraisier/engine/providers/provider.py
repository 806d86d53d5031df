"""The typed face of one loaded provider. Nobody else spells a hook."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar, cast

import msgspec

from fraisier.contract.errors import FraisierError, ProviderError
from fraisier.contract.hookspecs import hookimpl
from fraisier.contract.models import Check, Deployed, Deployment, Health, Release, Status, Target
from fraisier.contract.progress import Progress
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.loader import HOOKS, Loaded, load

T = TypeVar("T", bound=msgspec.Struct)
Wrapping = Generator[None, Any, Any]


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
        self._said = _Said()
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
        deployed = self._call("deploy", Deployed, target=target, release=release, progress=progress)
        return self._without_secrets(deployed)

    def status(self, target: Target) -> Status:
        """Tell what is in service."""
        status = self._call("status", Status, target=target)
        details = self._redactor.mapping(status.details)
        return cast("Status", msgspec.structs.replace(status, details=details))

    def rollback(self, target: Target, release: Release, progress: Progress) -> Deployed:
        """Put an earlier release back in service."""
        deployed = self._call("rollback", Deployed, target=target, release=release, progress=progress)
        return self._without_secrets(deployed)

    def health(self, target: Target) -> Health:
        """Probe once."""
        health: Health = self._call("health", Health, target=target)
        return _redacted(health, self._redactor)

    def logs(self, target: Target, lines: int, follow: bool) -> Iterator[str]:
        """Give the service's own log, line by line."""
        found = self._call("logs", None, target=target, lines=lines, follow=follow)
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
        except BaseException as error:
            if self._said.error is not None:
                # What the provider said counts, not what a plugin made of it.
                raise self._owned(hook, self._said.error) from error
            if not self._said.returned:
                raise self._vetoed(hook, error) from error
            # The provider has done its work; a plugin that fails after it must not undo the news of that.
            self._warn(self._redactor(f"a plugin failed around {hook}: {type(error).__name__}: {error}"))
            result = self._said.value
        if self._said.error is not None:
            raise self._owned(hook, self._said.error) from self._said.error
        said = self._checked(hook, wanted, self._said.value)
        if result is self._said.value:
            return said
        try:
            return self._checked(hook, wanted, result)
        except ProviderError as error:
            self._warn(f"a plugin changed what {hook} returned, which is ignored: {error.message}")
            return said

    def _checked(self, hook: str, wanted: Any, result: Any) -> Any:
        """Hold a result to its type in depth: a struct's constructor does not."""
        if wanted is None:
            if isinstance(result, Iterable) and not isinstance(result, str | bytes):
                return result
            raise self._broken(hook, f"returned {type(result).__name__}, the contract says Iterable[str]")
        name = getattr(wanted, "__name__", str(wanted)) if isinstance(wanted, type) else str(wanted)
        if wanted == list[Check]:
            name = "list[Check]"
            fits = isinstance(result, list | tuple) and all(isinstance(each, Check) for each in result)
        else:
            fits = isinstance(result, wanted)
        if not fits:
            raise self._broken(hook, f"returned {_described(result)}, the contract says {name}")
        try:
            return msgspec.convert(msgspec.to_builtins(result), wanted)
        except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
            what = str(error).replace("`", "")
            raise self._broken(hook, f"returned a {name} that does not hold what it must: {what}") from error

    def _checked_lines(self, found: Iterable[Any]) -> Iterator[str]:
        try:
            for line in found:
                if not isinstance(line, str):
                    raise self._broken("logs", f"gave {_described(line)}, the contract says Iterable[str]")
                yield self._redactor(line)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            raise self._owned("logs", error) from error

    def _vetoed(self, hook: str, error: BaseException) -> FraisierError:
        """Return the error of a plugin that did not let the call through to the provider."""
        if isinstance(error, FraisierError):
            return self._owned(hook, error)
        message = f"a plugin failed before {hook}, which was not called: {type(error).__name__}: {error}"
        return ProviderError(self._redactor(" ".join(message.split())), hint="rerun with --trace")

    def _owned(self, hook: str, error: BaseException) -> FraisierError:
        """Return an error as one of fraisier's, without secrets, naming whose it is."""
        if not isinstance(error, FraisierError):
            text = " ".join(str(error).split())
            what = f"{type(error).__name__}: {text}" if text else type(error).__name__
            return self._broken(hook, f"raised {what}")
        error.message = " ".join(self._redactor(error.message).split())
        error.hint = self._redactor(error.hint)
        error.command = self._redactor(error.command)
        error.log = [self._redactor(line) for line in error.log]
        error.problems = [self._redactor(problem) for problem in error.problems]
        return error

    def _broken(self, hook: str, what: str) -> ProviderError:
        message = f'provider "{self.name}" ({self.distribution} {self.version}) failed in {hook}: it {what}'
        return ProviderError(self._redactor(message), hint="rerun with --trace")

    def _without_secrets(self, deployed: Deployed) -> Deployed:
        return msgspec.structs.replace(deployed, details=self._redactor.mapping(deployed.details))

    def _notify(self, hook: str, deployment: Deployment) -> None:
        for offer, manager in self._loaded.listeners:
            try:
                getattr(manager.hook, hook)(deployment=deployment)
            except Exception as error:  # noqa: BLE001 - a notification never fails a deployment
                text = f'plugin "{offer.name}" ({offer}) failed in {hook}: {type(error).__name__}: {error}'
                self._warn(self._redactor(" ".join(text.split())))


class _Said:
    """The innermost wrapper: keeps what the provider itself said, so that a plugin cannot mask it."""

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


def _keeping() -> Callable[[_Said], Wrapping]:
    @hookimpl(wrapper=True, trylast=True)
    def hook(self: _Said) -> Wrapping:
        return (yield from self.keep())

    return hook


for _hook in HOOKS:
    setattr(_Said, _hook, _keeping())


def _redacted(struct: T, redactor: Redactor) -> T:
    """Return a struct whose texts are redacted."""
    fields: dict[str, Any] = msgspec.structs.asdict(struct)
    texts = {name: redactor(value) for name, value in fields.items() if isinstance(value, str)}
    return msgspec.structs.replace(struct, **texts)


def _described(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
