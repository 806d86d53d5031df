"""Loading one provider and the plugins around it into one plugin manager: the only module that knows pluggy's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pluggy

from fraisier.contract.errors import FraisierError, ProviderError
from fraisier.contract.hookspecs import MAY_BE_LEFT_OUT, PROJECT, PROVIDERS, LifecycleHooks, ProviderHooks
from fraisier.contract.options import Options, nearest
from fraisier.engine.providers.discovery import Offer, find_provider, installed_plugins

HOOKS = ("pre_flight", "deploy", "status", "rollback", "health", "logs")
LIFECYCLE = ("deployment_started", "deployment_finished")

_MAY_YIELD = ("logs",)


class Loaded(NamedTuple):
    """One provider in its manager, and one manager for each plugin that hears of deployments."""

    offer: Offer
    manager: pluggy.PluginManager
    module: ModuleType
    options: type[msgspec.Struct] | None
    listeners: list[tuple[Offer, pluggy.PluginManager]]


class _Implementation(NamedTuple):
    """A decorated function of a plugin."""

    attribute: str
    hook: str
    function: Any
    wrapper: bool
    old: bool
    """A wrapper in the style of pluggy before 1.2, which warns on its own and can swallow errors unseen."""


def load(name: str, warn: Callable[[str], None]) -> Loaded:
    """Import the one provider of that name, hold it to the contract, and put the installed plugins around it.

    Args:
        name: the provider's name in `fraises.yaml`.
        warn: called with one sentence for each plugin that cannot be used.

    Raises:
        ProviderError: it is missing, offered twice, cannot be imported or breaks the contract.
    """
    offer = find_provider(name)
    manager = _new_manager()
    module = _import(offer, manager)
    violation = _violation(manager, module)
    if violation:
        raise _refused(offer, violation)
    return Loaded(offer, manager, module, _options(offer, module), list(_load_plugins(manager, warn)))


def takes(loaded: Loaded, hook: str, argument: str) -> bool:
    """Tell whether the provider's implementation of a hook takes an argument that may be left out."""
    implementations = getattr(loaded.manager.hook, hook).get_hookimpls()
    return any(each.plugin is loaded.module and argument in each.argnames for each in implementations)


def _options(offer: Offer, module: ModuleType) -> type[msgspec.Struct] | None:
    options = getattr(module, "Options", None)
    if options is None or options is Options:
        # The base alone was imported for another use: it would refuse every key.
        return None
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        raise _refused(offer, "its Options is not a subclass of fraisier.Options")
    return options


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(ProviderHooks)
    manager.add_hookspecs(LifecycleHooks)
    return manager


def _import(offer: Offer, manager: pluggy.PluginManager) -> ModuleType:
    try:
        manager.load_setuptools_entrypoints(PROVIDERS, name=offer.name)
    except pluggy.PluginValidationError as error:
        module = _as_module(offer, error.plugin)
        raise _refused(offer, _violation(manager, module) or _one_line(error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ProviderError(
            f'provider "{offer.name}" ({offer}) cannot be imported: {_one_line(error)}',
            hint=f"reinstall {offer.distribution}, or rerun with --trace",
        ) from error
    return _as_module(offer, manager.get_plugin(offer.name))


def _as_module(offer: Offer, plugin: Any) -> ModuleType:
    if not isinstance(plugin, ModuleType):
        raise _refused(offer, f"its entry point {offer.entry_point.value} does not name a module")
    return plugin


def _violation(manager: pluggy.PluginManager, module: Any) -> str:
    """Return how a provider breaks the contract, or an empty text."""
    found: dict[str, _Implementation] = {}
    for each in _implementations(manager, module):
        if each.hook not in HOOKS:
            return f'it implements an unknown hook "{each.hook}"{nearest(each.hook, HOOKS)}'
        if each.hook in found:
            return f"it implements {each.hook} twice, as {found[each.hook].attribute} and {each.attribute}"
        found[each.hook] = each
    for hook in HOOKS:
        if hook not in found:
            plain = callable(getattr(module, hook, None))
            return f"{hook} is not decorated with @hookimpl" if plain else f"it does not implement {hook}"
        problem = _misfit(found[hook])
        if problem:
            return problem
    return ""


def _implementations(manager: pluggy.PluginManager, module: Any) -> Iterator[_Implementation]:
    for attribute in dir(module):
        marks = manager.parse_hookimpl_opts(module, attribute)
        if marks is not None:
            old = bool(marks.get("hookwrapper"))
            wrapper = bool(marks.get("wrapper")) or old
            hook = marks.get("specname") or attribute
            yield _Implementation(attribute, hook, getattr(module, attribute), wrapper, old)


def _misfit(found: _Implementation) -> str:
    """Return how one implementation differs from its hookspec, or an empty text."""
    hook, function = found.hook, found.function
    if found.wrapper:
        return f'{hook} is a wrapper; wrappers belong to a plugin in the group "fraisier.plugins"'
    if inspect.isgeneratorfunction(function) and hook not in _MAY_YIELD:
        return f"{hook} yields where it must return"
    if odd := _odd(found):
        return odd
    taken, wanted = list(inspect.signature(function).parameters), _arguments(hook)
    if taken not in (wanted, _needed(hook)):
        return f"{hook} takes ({', '.join(taken)}), the contract says ({', '.join(wanted)})"
    return ""


def _odd(found: _Implementation) -> str:
    """Return what pluggy would call in a way of its own, differing between its versions, or an empty text."""
    hook, function = found.hook, found.function
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"{hook} is async; hooks are plain functions"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty:
            return f"{hook} has a default for its argument {parameter.name}; hooks have none"
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            kind = parameter.kind.description
            return f"{hook} takes {parameter.name} as a {kind} argument; hooks take plain ones"
    return ""


def _arguments(hook: str) -> list[str]:
    specs = LifecycleHooks if hook in LIFECYCLE else ProviderHooks
    return list(inspect.signature(getattr(specs, hook)).parameters)[1:]


def _needed(hook: str) -> list[str]:
    return [argument for argument in _arguments(hook) if argument not in MAY_BE_LEFT_OUT.get(hook, ())]


def _load_plugins(
    manager: pluggy.PluginManager, warn: Callable[[str], None]
) -> Iterator[tuple[Offer, pluggy.PluginManager]]:
    """Put each usable plugin around the provider.

    Each one that hears of deployments also gets a manager of its own, since pluggy stops at the first listener
    that raises.
    """
    for offer in installed_plugins():
        try:
            plugin = offer.entry_point.load()
            problem = _plugin_misfit(manager, plugin)
            if problem:
                raise _Misfit(problem)
            # Tried on its own first: a failed registration would leave half of it around the provider.
            own = _new_manager()
            own.register(plugin)
            manager.register(plugin, name=f'plugin "{offer.name}" ({offer})')
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a broken plugin must not keep anybody from deploying
            warn(f'plugin "{offer.name}" ({offer}) is not used: {_one_line(error)}')
            continue
        if any(each.hook in LIFECYCLE for each in _implementations(manager, plugin)):
            yield offer, own


class _Misfit(Exception):  # noqa: N818 - carries a sentence from one function to the next
    """A plugin does not fit; shown as it is."""


def _plugin_misfit(manager: pluggy.PluginManager, plugin: Any) -> str:
    for each in _implementations(manager, plugin):
        if each.hook in HOOKS and not each.wrapper:
            return f"it implements {each.hook} itself; a plugin may only wrap it"
        if each.hook not in (*HOOKS, *LIFECYCLE):
            return f'it implements an unknown hook "{each.hook}"{nearest(each.hook, (*HOOKS, *LIFECYCLE))}'
        if each.old:
            return f"{each.hook} is a wrapper of the old style; @hookimpl(wrapper=True) makes one of the new"
        if each.wrapper and not inspect.isgeneratorfunction(each.function):
            return f"{each.hook} is a wrapper that does not yield"
        known = _arguments(each.hook)
        unknown = [argument for argument in inspect.signature(each.function).parameters if argument not in known]
        if unknown:
            return f"{each.hook} takes {unknown[0]}, the contract says ({', '.join(known)})"
        if odd := _odd(each):
            return odd
    return ""


def _refused(offer: Offer, violation: str) -> ProviderError:
    return ProviderError(
        f'provider "{offer.name}" ({offer}) breaks the contract: {violation}',
        hint=f"tell the authors of {offer.distribution}",
    )


def _one_line(error: BaseException) -> str:
    if isinstance(error, FraisierError | _Misfit):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
