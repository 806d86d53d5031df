"""What is installed, from the metadata of distributions alone: nothing is imported."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, distributions
from typing import NamedTuple

from fraisier.contract.errors import ProviderError
from fraisier.contract.hookspecs import PLUGINS, PROVIDERS
from fraisier.contract.options import nearest

SHIPPED = ("local", "bare_metal", "docker_compose", "coolify")
"""Providers of this project. Advice to install whatever was typed would invite squatters onto servers."""

_DISTRIBUTION = {"docker_compose": "fraisier-compose", "bare_metal": "fraisier-bare-metal"}


class Offer(NamedTuple):
    """An entry point and the distribution that brings it."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def installed_providers() -> list[Offer]:
    """Return every provider that is offered, sorted by name."""
    return _offers(PROVIDERS)


def installed_plugins() -> list[Offer]:
    """Return every plugin that is offered, sorted by name."""
    return _offers(PLUGINS)


def find_provider(name: str) -> Offer:
    """Return the one distribution that offers a provider.

    Raises:
        ProviderError: none does, or several do.
    """
    offers = installed_providers()
    found = [offer for offer in offers if offer.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(str(offer) for offer in found)
        raise ProviderError(f'provider "{name}" is offered by {both}', hint="uninstall all but one of them")
    if name in SHIPPED:
        package = _DISTRIBUTION.get(name, f"fraisier-{name}")
        raise ProviderError(
            f'no provider named "{name}" is installed',
            hint=f"install {package} from where fraisier was installed from, both in the same command",
        )
    names = sorted({offer.name for offer in offers})
    known = nearest(name, names).removeprefix("; ") or "none is installed"
    raise ProviderError(f'no provider named "{name}" is installed', hint=known.replace("known:", "installed:"))


def _offers(group: str) -> list[Offer]:
    found: dict[tuple[str, str], Offer] = {}
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group != group:
                continue
            name = distribution.metadata["Name"] or "an unnamed distribution"
            # The first one on the path is the one that is imported; a second copy of it is no second offer.
            key = (entry_point.name, re.sub(r"[-_.]+", "-", name).lower())
            found.setdefault(key, Offer(entry_point.name, name, distribution.version, entry_point))
    return sorted(found.values(), key=lambda offer: (offer.name, offer.distribution))
