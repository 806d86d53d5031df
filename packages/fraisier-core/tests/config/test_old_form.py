"""The older form of the file is refused with the same fraises in the new form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fraisier.contract.errors import ConfigError
from fraisier.engine.configuration.config import Config, load_config
from fraisier.engine.configuration.yaml_file import read_yaml

Write = Callable[[str], Path]

OLD = """\
# how it used to be written
fraises:
  my_api:
    type: api
    description: The API
    name: my-api
    git_repo: git@github.com:acme/my_api.git
    environments:
      production:
        app_path: /var/app
        systemd_service: my_api.service
        branch: main
        health_check:
          url: http://127.0.0.1:8000/health
          timeout: 10
          endpoint: /health
      development:
        app_path: /srv/dev
        git_repo: /srv/git/my_api
        mode: '0755'
        health_check: {endpoint: /health}
  my_worker:
    environments:
      production: {app_path: /var/worker, systemd_service: my_worker.service}
"""
NEW = """\
fraises:
  my_api:
    type: api
    description: The API
    providers:
      production:
        provider: bare_metal
        config:
          name: my-api
          git_repo: git@github.com:acme/my_api.git
          app_path: /var/app
          systemd_service: my_api.service
          branch: main
        health_check:
          url: http://127.0.0.1:8000/health
          timeout: 10
      development:
        provider: bare_metal
        config:
          name: my-api
          git_repo: /srv/git/my_api
          app_path: /srv/dev
          mode: '0755'
          health_check:
            endpoint: /health
  my_worker:
    providers:
      production:
        provider: bare_metal
        config:
          app_path: /var/worker
          systemd_service: my_worker.service
"""


@pytest.fixture
def refused(write: Write) -> Callable[[str], ConfigError]:
    def refuse(text: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text))
        return caught.value

    return refuse


def test_the_older_form_is_shown_in_the_new_form(refused: Callable[[str], ConfigError]) -> None:
    error = refused(OLD)
    assert str(error) == (
        "fraises.yaml:8: fraises.my_api.environments: this is the older form of the file, "
        "which names no providers; write the same in the new form"
    )
    assert "\n".join(error.problems) + "\n" == NEW


def test_the_new_form_that_is_shown_can_be_read(write: Write, refused: Callable[[str], ConfigError]) -> None:
    config: Config = load_config(write("\n".join(refused(OLD).problems)))
    place = config.place("my_api", "development")
    assert (place.type, place.provider, place.options["mode"]) == ("api", "bare_metal", "0755")
    assert config.fraises() == ["my_api", "my_worker"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("environments:\n  p: {app_path: /x, systemd_service: my_site.service}\n", "my_site"),
        ("name: shop\nenvironments:\n  p: {app_path: /x}\n", "shop"),
        ("name: my shop\nenvironments:\n  p: {app_path: /x}\n", "my_shop"),
    ],
)
def test_environments_at_the_top_are_of_one_fraise(
    write: Write, refused: Callable[[str], ConfigError], text: str, name: str
) -> None:
    error = refused(text)
    assert error.message.endswith("environments: this is the older form of the file, which names no providers")
    assert load_config(write("\n".join(error.problems))).fraises() == [name]


@pytest.mark.parametrize(
    "value",
    ["1e5", "0o17", "0755", "no", "22:22", "2026-01-01", "~", "true", "a: b", "- a", "", "é", "two\nlines"],
)
def test_texts_are_shown_so_that_they_are_read_as_the_same_texts(
    write: Write, refused: Callable[[str], ConfigError], value: str
) -> None:
    old = f"fraises: {{a: {{environments: {{p: {{app_path: /x, extra: {json.dumps(value)}}}}}}}}}\n"
    shown = read_yaml(write("\n".join(refused(old).problems))).value
    config: dict[str, Any] = shown["fraises"]["a"]["providers"]["p"]["config"]
    assert config == {"app_path": "/x", "extra": value}


def test_of_many_fraises_the_first_are_shown(refused: Callable[[str], ConfigError]) -> None:
    text = "fraises:\n" + "".join(f"  f{n}: {{environments: {{p: {{app_path: /x}}}}}}\n" for n in range(50))
    error = refused(text)
    assert error.hint == "write the first 20 of 50 fraises in the new form"
    assert sum("provider: bare_metal" in line for line in error.problems) == 20


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "fraises: {a: {environments: {p: {provider: local}}}}",
            "fraises.yaml:1: fraises.a.environments: unknown key; known: description, providers, type",
        ),
        (
            "fraises: {}\nenvironments: {p: {app_path: /x}}",
            "fraises.yaml:2: environments: unknown key; known: fraises, state",
        ),
        (
            "fraises: {a: {environments: 5}}",
            "fraises.yaml:1: fraises.a.environments: unknown key; known: description, providers, type",
        ),
    ],
)
def test_other_uses_of_the_word_are_ordinary_mistakes(
    refused: Callable[[str], ConfigError], text: str, problem: str
) -> None:
    assert problem in refused(text).problems
