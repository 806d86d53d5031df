"""Holding a whole file to the providers that it names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from fraisier.contract.errors import ProviderError
from fraisier.engine.configuration.config import Config, load_config
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.discovery import installed_providers
from fraisier.engine.providers.provider import Provider

Warn = Callable[[str], None]


def validate(path: Path, redactor: Redactor, warn: Warn) -> Config:
    """Read a file and check every target's options against its provider.

    Raises:
        ConfigError: with all that is wrong.
        ProviderError: the file is right as far as is known, and a provider is missing or broken.
    """
    missing: list[ProviderError] = []

    @cache
    def options_of(provider: str) -> type[msgspec.Struct] | None:
        try:
            return Provider.load(provider, redactor, warn).options
        except ProviderError as error:
            missing.append(error)
            return None

    config = load_config(path, options_of)
    if missing:
        raise missing[0]
    return config


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
