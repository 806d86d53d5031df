"""The hooks. A provider is a stateless module with one `@hookimpl` for each of the first six.

Names and arguments are API: they change only by adding, in a new minor version of fraisier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from datetime import datetime

    from fraisier.contract.models import Check, Deployed, Deployment, Health, Release, Status, Target
    from fraisier.contract.progress import Progress

PROJECT: Final = "fraisier"
PROVIDERS: Final = "fraisier.providers"
"""The entry-point group of providers."""
PLUGINS: Final = "fraisier.plugins"
"""The entry-point group of plugins around a provider."""

MAY_BE_LEFT_OUT: Final[dict[str, tuple[str, ...]]] = {"logs": ("since",)}
"""The arguments that an implementation of a hook need not take: the last ones of its list."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class ProviderHooks:
    """What a provider must implement: all six, each exactly once, with exactly these arguments.

    `since` alone may be left out, by a provider that cannot tell when a line was written.

    Errors: raise `TargetError` for what fails at the target, `ConfigError` for bad options (`read_options`
    does), `DeploymentLockedError` when somebody else is changing the target, `Unsupported("why")` for what this
    provider cannot do. Anything else is reported as a defect of the provider. Every hook ends within a deadline
    of the provider's own, and prints nothing.
    """

    @hookspec(firstresult=True)
    def pre_flight(self, target: Target) -> list[Check]:
        """Look whether a deployment could work. Changes nothing on the target.

        Args:
            target: where to look.

        Returns:
            One `Check` for each thing looked at, in the order in which a person would mend them. A check that
            did not pass has a `hint`: the next command to run.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def deploy(self, target: Target, release: Release, progress: Progress) -> Deployed:
        """Put a release in service and return as soon as it is started; core waits for its health.

        Resolves `release.version` once to an immutable revision. While this hook runs, the provider guards the
        target against a second deployment from another machine.

        Args:
            target: where to deploy.
            release: what to deploy; `version` None means the provider's default. When it is already in service
                and running, and `force` is False, nothing is done and `Deployed.changed` is False.
            progress: where steps and output go.

        Returns:
            What is in service now.

        Raises:
            TargetError: with the command, its last output, and, if a service was started, its log. The old
                version may or may not still be in service; core looks, and rolls back if not.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def status(self, target: Target) -> Status:
        """Tell what is in service, as the target itself knows it. Changes nothing.

        Works from a machine that has never deployed: `Status.release` holds all that `rollback` needs to come
        back to what is in service now.

        Args:
            target: where to look.

        Returns:
            The state; `release` is None when nothing was ever put in service.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def rollback(self, target: Target, release: Release, progress: Progress) -> Deployed:
        """Put a release in service that was in service before.

        Args:
            target: where to roll back.
            release: with `revision` and `details` as `deploy` returned or `status` told them, perhaps on
                another day and another machine.
            progress: where steps and output go.

        Returns:
            What is in service now: the same version and revision as `release`.

        Raises:
            TargetError: when it cannot be brought back.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def health(self, target: Target) -> Health:
        """Probe once whether the service works. Changes nothing; core does the waiting.

        Args:
            target: where to probe; `target.health_check` says how (see `fraisier.probe`). Without one, the
                service is healthy when it runs and stays so.

        Returns:
            The outcome, within `health_check.probe_timeout` seconds.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def logs(self, target: Target, lines: int, follow: bool, since: datetime | None) -> Iterable[str]:
        """Give the service's own log. Changes nothing.

        Args:
            target: whose log.
            lines: how many of the last lines to give, at most; 0 or more.
            follow: go on with new lines as they come, until the caller stops asking.
            since: leave out what was written before this moment, aware, in UTC; None leaves nothing out. To the
                second.

        Returns:
            Lines without line ends, oldest first; they may be produced lazily.
        """
        raise NotImplementedError


class LifecycleHooks:
    """What a plugin in the group `fraisier.plugins` may implement besides wrappers around the six hooks.

    These are notifications: what they raise is shown as a warning and changes nothing.

    Wrappers are `@hookimpl(wrapper=True)` generators with any of the hook's arguments; the older style of pluggy,
    `hookwrapper=True`, is refused. A wrapper that raises before its `yield` keeps the provider from being called
    (raise one of fraisier's errors to say why); what it raises afterwards is a warning. It may return another
    result of the same type, and cannot hide or replace an error of the provider.
    """

    @hookspec
    def deployment_started(self, deployment: Deployment) -> None:
        """Hear that a deployment or rollback has begun.

        Args:
            deployment: its record, `status` being `running`.
        """

    @hookspec
    def deployment_finished(self, deployment: Deployment) -> None:
        """Hear that a deployment or rollback has ended, in whatever way.

        Args:
            deployment: its record, with the final status and error.
        """
