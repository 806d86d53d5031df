"""Holding a whole file to the providers that it names."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fraisier.contract.errors import ConfigError, ProviderError
from fraisier.engine.configuration.config import Config, option_problems
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.discovery import installed_providers
from fraisier.engine.providers.provider import Provider

Warn = Callable[[str], None]


def validate(config: Config, redactor: Redactor, warn: Warn) -> None:
    """Check every target's options against its provider.

    Raises:
        ConfigError: with all that is wrong.
        ProviderError: the options are right as far as is known, and a provider is missing or broken.
    """
    options: dict[str, type[msgspec.Struct] | None] = {}
    missing: list[ProviderError] = []
    for place in config.places.values():
        for each in (place, place.fallback):
            if each is None or each.provider in options:
                continue
            try:
                options[each.provider] = Provider.load(each.provider, redactor, warn).options
            except ProviderError as error:
                options[each.provider] = None
                missing.append(error)
    problems = option_problems(config, lambda name: options.get(name))
    if problems:
        single = f"{len(problems)} problems in {config.document.shown}"
        raise ConfigError(problems[0] if len(problems) == 1 else single, problems=problems)
    if missing:
        raise missing[0]


def installed_options(redactor: Redactor, warn: Warn) -> dict[str, type[msgspec.Struct]]:
    """Return the options of every installed provider that has some; a broken provider is a warning."""
    found: dict[str, type[msgspec.Struct]] = {}
    for offer in installed_providers():
        try:
            options = Provider.load(offer.name, redactor, warn).options
        except ProviderError as error:
            warn(str(error))
            continue
        if options is not None:
            found[offer.name] = options
    return found
