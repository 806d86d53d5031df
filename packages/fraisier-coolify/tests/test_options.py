"""What stands under `config`: what is refused before Coolify is asked, and what is taken as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Secret, Session, Target, read_options
from fraisier_coolify.options import Options

GIVEN = {"url": "https://coolify.example.com", "api_key": "3|abc", "application": "my_api"}
CREATE = {"project": "shop", "image": "ghcr.io/acme/shop", "ports": [80]}


def read(**options: Any) -> Options:
    given = {name: value for name, value in {**GIVEN, **options}.items() if value is not None}
    target = Target(
        fraise="my_api",
        environment="test",
        provider="coolify",
        options=given,
        folder=Path("/nowhere"),
        session=Session(),
    )
    return read_options(target, Options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "coolify.example.com"}, "config.url: "),
        ({"url": "https://user:pass@coolify.example.com"}, "config.url: "),
        ({"url": "https://coolify.example.com/#x"}, "config.url: "),
        ({"application": None}, "exactly one of application and service"),
        ({"service": "stack"}, "exactly one of application and service"),
        ({"application": None, "service": "stack"}, "expected env:NAME for a service"),
        ({"application": None, "service": "stack", "version_by": "commit"}, "expected env:NAME for a service"),
        ({"version_by": "tag"}, "config.version_by: "),
        ({"version_by": "env:1X"}, "config.version_by: "),
        ({"version_by": "env:X\n"}, "config.version_by: "),
        ({"application": {"name": "a", "environment": "production"}}, "expected project beside environment"),
        ({"application": {"name": "a", "team": "b"}}, "team"),
        ({"application": " "}, "config.application"),
        ({"environment": {"A-B": "x"}}, "config.environment"),
        ({"environment": {"A": "x\0y"}}, "no NUL"),
        ({"poll_interval": 0}, "config.poll_interval: "),
        ({"timeout": 0}, "config.timeout: "),
        ({"api_key": "3|a b"}, "without spaces"),
        ({"api_key": "3|é"}, "expected a token"),
        ({"api_key": " "}, "expected a token"),
        ({"create": {**CREATE, "repository": "r"}}, "exactly one of image and repository"),
        ({"create": {"project": "shop", "repository": "r", "ports": [80]}}, "expected build_pack"),
        ({"create": {**CREATE, "image": "ghcr.io/acme/shop:1"}}, "expected no tag"),
        ({"create": {**CREATE, "ports": []}}, "ports: missing"),
        ({"create": {**CREATE, "build_pack": "nixpacks"}}, "with repository only"),
        ({"create": {**CREATE, "domains": ["shop.example.com"]}}, "domains"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(**options)
    assert said in raised.value.message


@pytest.mark.parametrize("token", ["3|a b", "3|se\ncret", "3|s\u00e9cret"])
def test_a_token_that_is_refused_is_not_shown(token: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(api_key=Secret(token, "${COOLIFY_TOKEN}"))
    assert token not in str(raised.value) + repr(raised.value.problems)


def test_what_is_odd_and_harmless_is_taken_as_it_is() -> None:
    options = read(
        url="http://127.0.0.1:8000/api/v1/",
        api_key="3|abc\n",
        application="shöp 'api' $(x)",
        environment={"A.b_1": "'\"\n$`\\"},
        version_by="env:SHOP.TAG",
        create={"project": "shop", "repository": "https://git.example.com/a.git", "build_pack": "dockercompose"},
    )
    assert options.root == "http://127.0.0.1:8000"
    assert options.wanted.name == "shöp 'api' $(x)"
    assert options.environment["A.b_1"].reveal() == "'\"\n$`\\"


def test_an_application_is_named_by_a_text_or_by_a_mapping() -> None:
    assert read(application="shop").wanted == read(application={"name": "shop"}).wanted
    named = read(application={"name": "shop", "project": "p", "environment": "e"}).wanted
    assert (named.name, named.project, named.environment) == ("shop", "p", "e")
