"""The hookspecs are API: their names, arguments, types and options stand here a second time."""

from __future__ import annotations

import inspect

import pytest
from fraisier.contract.hookspecs import LifecycleHooks, ProviderHooks
from fraisier.engine.providers.loader import HOOKS, LIFECYCLE

PROVIDER = {
    "pre_flight": "(self, target: 'Target') -> 'list[Check]'",
    "deploy": "(self, target: 'Target', release: 'Release', progress: 'Progress') -> 'Deployed'",
    "status": "(self, target: 'Target') -> 'Status'",
    "rollback": "(self, target: 'Target', release: 'Release', progress: 'Progress') -> 'Deployed'",
    "health": "(self, target: 'Target') -> 'Health'",
    "logs": (
        "(self, target: 'Target', lines: 'int', follow: 'bool', since: 'datetime | None') -> 'Iterable[str]'"
    ),
}
PLUGIN = {
    "deployment_started": "(self, deployment: 'Deployment') -> 'None'",
    "deployment_finished": "(self, deployment: 'Deployment') -> 'None'",
}


def specs(hooks: type) -> list[str]:
    return [name for name in vars(hooks) if not name.startswith("_")]


def test_there_are_six_hooks_and_two_notifications() -> None:
    assert (specs(ProviderHooks), specs(LifecycleHooks)) == (list(PROVIDER), list(PLUGIN))
    assert (tuple(PROVIDER), tuple(PLUGIN)) == (HOOKS, LIFECYCLE)


@pytest.mark.parametrize(("name", "signature"), PROVIDER.items())
def test_the_hook_of_a_provider_has_its_signature(name: str, signature: str) -> None:
    hook = getattr(ProviderHooks, name)
    assert str(inspect.signature(hook)) == signature
    assert hook.fraisier_spec["firstresult"] is True


@pytest.mark.parametrize(("name", "signature"), PLUGIN.items())
def test_the_notification_has_its_signature(name: str, signature: str) -> None:
    hook = getattr(LifecycleHooks, name)
    assert str(inspect.signature(hook)) == signature
    assert hook.fraisier_spec["firstresult"] is False


@pytest.mark.parametrize("name", [*PROVIDER, *PLUGIN])
def test_each_hook_tells_its_arguments_and_what_it_returns(name: str) -> None:
    hook = getattr(ProviderHooks, name, None) or getattr(LifecycleHooks, name)
    text = inspect.getdoc(hook) or ""
    arguments = text.partition("Args:")[2].partition("Returns:")[0]
    assert all(f"{each}: " in arguments for each in list(inspect.signature(hook).parameters)[1:])
    assert ("Returns:" in text) is (name in PROVIDER)
