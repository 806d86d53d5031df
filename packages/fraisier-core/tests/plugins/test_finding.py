"""Finding a provider by its name, from metadata alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import ProviderError
from fraisier.engine.providers.discovery import find_provider, installed_plugins, installed_providers
from fraisier.engine.providers.provider import Provider

Offer = Callable[..., Path]
Load = Callable[..., Provider]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("demos", 'no provider named "demos" is installed; did you mean "demo"?'),
        ("kubernetes", 'no provider named "kubernetes" is installed; installed: demo, other'),
        (
            "local",
            'no provider named "local" is installed; '
            "install fraisier-local from where fraisier was installed from, both in the same command",
        ),
        (
            "bare_metal",
            'no provider named "bare_metal" is installed; '
            "install fraisier-bare-metal from where fraisier was installed from, both in the same command",
        ),
        (
            "docker_compose",
            'no provider named "docker_compose" is installed; '
            "install fraisier-compose from where fraisier was installed from, both in the same command",
        ),
        (
            "coolify",
            'no provider named "coolify" is installed; '
            "install fraisier-coolify from where fraisier was installed from, both in the same command",
        ),
    ],
)
def test_a_provider_that_is_missing_is_refused_with_what_to_do(
    offer: Offer, load: Load, name: str, message: str
) -> None:
    offer("demo")
    offer("other", distribution="acme-other")
    with pytest.raises(ProviderError) as caught:
        load(name)
    assert str(caught.value) == message
    assert (caught.value.kind, caught.value.exit_code) == ("provider", 10)


def test_with_none_installed_that_is_said(load: Load) -> None:
    with pytest.raises(ProviderError) as caught:
        load("demo")
    assert str(caught.value) == 'no provider named "demo" is installed; none is installed'


def test_a_name_offered_twice_is_refused_with_both_distributions(offer: Offer, load: Load) -> None:
    offer("demo")
    offer("demo", distribution="other-demo", version="0.1")
    with pytest.raises(ProviderError) as caught:
        load("demo")
    assert str(caught.value) == (
        'provider "demo" is offered by acme-demo 1.2.3 and other-demo 0.1; uninstall all but one of them'
    )
    assert {"acme_demo", "other_demo"}.isdisjoint(sys.modules)


@pytest.mark.parametrize("spelling", ["acme-demo", "Acme_Demo", "acme.demo"])
def test_the_same_distribution_twice_on_the_path_is_one_offer(offer: Offer, load: Load, spelling: str) -> None:
    offer("demo", version="2.0")
    offer("demo", distribution=spelling, version="1.0", entry="acme_demo")
    assert [str(found) for found in installed_providers()] == ["acme-demo 2.0"]
    assert load("demo").version == "2.0"


def test_listing_imports_nothing(offer: Offer) -> None:
    offer("demo", text="raise SystemExit(3)")
    offer("other", distribution="acme-other", text="this is no Python")
    offer("timer", distribution="acme-timer", group="fraisier.plugins", text="import no_such_module")
    assert [(found.name, str(found)) for found in installed_providers()] == [
        ("demo", "acme-demo 1.2.3"),
        ("other", "acme-other 1.2.3"),
    ]
    assert [(found.name, str(found)) for found in installed_plugins()] == [("timer", "acme-timer 1.2.3")]
    assert {"acme_demo", "acme_other", "acme_timer"}.isdisjoint(sys.modules)


def test_only_the_chosen_provider_is_imported(offer: Offer, load: Load) -> None:
    offer("demo")
    offer("other", distribution="acme-other")
    provider = load("demo")
    assert (provider.name, provider.distribution, provider.version) == ("demo", "acme-demo", "1.2.3")
    assert "acme_demo" in sys.modules
    assert "acme_other" not in sys.modules


@pytest.mark.parametrize("text", ["raise SystemExit(3)", "this is no Python", "import no_such_module", ""])
def test_a_broken_other_provider_disturbs_nobody(offer: Offer, load: Load, warnings: list[str], text: str) -> None:
    offer("broken", distribution="aaa-broken", text=text)
    offer("demo")
    load("demo")
    assert warnings == []


def test_an_entry_of_another_group_is_no_provider(offer: Offer) -> None:
    offer("demo", group="somebody.else")
    with pytest.raises(ProviderError, match=r'^no provider named "demo" is installed; none is installed$'):
        find_provider("demo")
