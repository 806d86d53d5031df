"""The form of `fraises.yaml`, and all that may be wrong with it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier.contract.errors import ConfigError
from fraisier.contract.options import Options
from fraisier.engine.configuration.config import load_config
from fraisier.engine.configuration.references import Reference

Write = Callable[[str], Path]
MessageOf = Callable[[str], str]
ProblemsOf = Callable[[str], list[str]]

# As it stands in the design, section 4.
EXAMPLE = """\
fraises:
  my_api:
    type: api
    providers:
      production:
        provider: bare_metal
        config:
          ssh_user: deploy
          ssh_key_path: /etc/fraisier/keys/prod.pem
          ssh_host: prod.example.com
          git_repo: git@github.com:acme/my_api.git
          branch: main
          app_path: /var/app
          systemd_service: my_api.service
        health_check:
          url: http://127.0.0.1:8000/health
          timeout: 30
        fallback:                       # tried, with the same release, when this target fails pre-flight or deploy
          provider: docker_compose
          config: {compose_file: docker-compose.yml, service_name: my_api}
      staging:
        provider: docker_compose
        config:
          compose_file: docker-compose.yml
          service_name: my_api
"""
HEAD = "fraises:\n  my_api:\n    providers:\n      production:\n"


def target(text: str) -> str:
    """Return a file whose one target is as written; its first line is line 5."""
    return HEAD + textwrap.indent(textwrap.dedent(text), " " * 8)


def test_the_example_of_the_design_is_read(write: Write) -> None:
    path = write(EXAMPLE)
    config = load_config(path)
    assert (config.path, config.folder, config.state_database) == (path, path.parent, None)
    assert config.fraises() == ["my_api"]
    assert config.environments("my_api") == ["production", "staging"]
    place = config.place("my_api", "production")
    assert place.identifier == "my_api:production"
    assert (place.fraise, place.environment, place.type, place.provider) == (
        "my_api",
        "production",
        "api",
        "bare_metal",
    )
    assert place.options == {
        "ssh_user": "deploy",
        "ssh_key_path": "/etc/fraisier/keys/prod.pem",
        "ssh_host": "prod.example.com",
        "git_repo": "git@github.com:acme/my_api.git",
        "branch": "main",
        "app_path": "/var/app",
        "systemd_service": "my_api.service",
    }
    assert place.health_check == {"url": "http://127.0.0.1:8000/health", "timeout": 30}
    assert place.folder == path.parent
    assert config.line_of((*place.path, "config", "app_path")) == 13


def test_a_fallback_has_the_health_check_of_its_target(write: Write) -> None:
    fallback = load_config(write(EXAMPLE)).place("my_api", "production").fallback
    assert fallback is not None
    assert fallback.identifier == "my_api:production"
    assert fallback.provider == "docker_compose"
    assert fallback.options == {"compose_file": "docker-compose.yml", "service_name": "my_api"}
    assert fallback.health_check == {"url": "http://127.0.0.1:8000/health", "timeout": 30}
    assert fallback.fallback is None


def test_a_fallback_may_have_a_health_check_of_its_own(write: Write) -> None:
    text = target("""\
        provider: a
        health_check: {tcp: "a:1"}
        fallback:
          provider: b
          health_check: {tcp: "b:1"}
        """)
    place = load_config(write(text)).place("my_api", "production")
    assert place.fallback is not None
    assert place.fallback.health_check == {"tcp": "b:1"}


def test_keys_with_nothing_behind_them_are_empty(write: Write) -> None:
    text = target("""\
        provider: local
        config:
        health_check:
        fallback:
        """)
    place = load_config(write(f"state:\n{text}")).place("my_api", "production")
    assert (place.options, place.health_check, place.fallback) == ({}, None, None)
    assert load_config(write("fraises:\n")).fraises() == []


def test_anchors_stand_under_keys_that_begin_with_x(write: Write) -> None:
    text = """\
x-base: &base {ssh_user: deploy, ssh_host: a}
x-check: &check
  health_check: {url: "http://localhost/"}
fraises:
  my_api:
    description: the API
    providers:
      production: {provider: bare_metal, config: {<<: *base, ssh_host: b}, <<: *check}
"""
    place = load_config(write(text)).place("my_api", "production")
    assert place.options == {"ssh_user": "deploy", "ssh_host": "b"}
    assert place.health_check == {"url": "http://localhost/"}


def test_the_state_database_can_be_named(write: Write) -> None:
    assert load_config(write("fraises: {}\nstate: {database: /var/x.db}\n")).state_database == "/var/x.db"


def test_references_are_kept_as_written(write: Write) -> None:
    place = load_config(write(target("provider: a\nconfig: {token: '${TOKEN}', plain: 'a$${b}'}\n"))).place(
        "my_api", "production"
    )
    assert place.options == {"token": Reference("${TOKEN}", ()), "plain": "a${b}"}
    assert repr(place.options["token"]) == "${TOKEN}"


_NAMES = 'not a name; use up to 64 letters, digits, "_", "." and "-", and begin with a letter, a digit or "_"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5\n", "fraises.yaml:1: expected a mapping with the key fraises, got the number 5"),
        ("- a\n", "fraises.yaml:1: expected a mapping with the key fraises, got a list"),
        ("x-a: 1\n", "fraises.yaml:1: fraises: missing, and required"),
        ("fraises: [a]\n", "fraises.yaml:1: fraises: expected a mapping, got a list"),
        ("fraises: {}\nfraise: {}\n", 'fraises.yaml:2: fraise: unknown key; did you mean "fraises"?'),
        ("fraises: {}\nqqq: 1\n", "fraises.yaml:2: qqq: unknown key; known: fraises, state"),
        ("fraises: {}\nstate: {path: x}\n", "fraises.yaml:2: state.path: unknown key; known: database"),
        ("fraises: {}\nstate: {database: 1}\n", "fraises.yaml:2: state.database: expected text, got the number 1"),
        ("fraises: {}\nstate: true\n", "fraises.yaml:2: state: expected a mapping, got true or false"),
        (
            'fraises: {}\nstate:\n  database: "${X}"\n',
            "fraises.yaml:3: state.database: expected a plain path, got a reference; for a path from outside, "
            "set FRAISIER_DATABASE",
        ),
        ("fraises:\n  my_api:\n", "fraises.yaml:2: fraises.my_api: expected a mapping, got nothing"),
        ("fraises:\n  my_api: text\n", "fraises.yaml:2: fraises.my_api: expected a mapping, got text"),
        ("fraises:\n  my_api: {}\n", "fraises.yaml:2: fraises.my_api.providers: missing, and required"),
        (
            "fraises:\n  my_api:\n    providers:\n",
            "fraises.yaml:3: fraises.my_api.providers: expected at least one environment, got none",
        ),
        (
            "fraises:\n  my_api: {providers: [x]}\n",
            "fraises.yaml:2: fraises.my_api.providers: expected a mapping, got a list",
        ),
        (
            "fraises:\n  a: {type: 1, providers: {p: {provider: x}}}\n",
            "fraises.yaml:2: fraises.a.type: expected text, got the number 1",
        ),
        (
            "fraises:\n  a: {description: [], providers: {p: {provider: x}}}\n",
            "fraises.yaml:2: fraises.a.description: expected text, got a list",
        ),
        (
            "fraises:\n  a:\n    provider: {p: {provider: x}}\n    providers: {p: {provider: x}}\n",
            'fraises.yaml:3: fraises.a.provider: unknown key; did you mean "providers"?',
        ),
        (
            "fraises:\n  my api: {providers: {p: {provider: x}}}\n",
            f'fraises.yaml:2: fraises."my api": {_NAMES}',
        ),
        (
            "fraises:\n  ? |-\n    a\n    b\n  : {providers: {p: {provider: x}}}\n",
            f'fraises.yaml:2: fraises."a\\nb": {_NAMES}',
        ),
        ("fraises:\n  ~: {providers: {p: {provider: x}}}\n", f'fraises.yaml:2: fraises."~": {_NAMES}'),
        ("fraises:\n  a: {providers: {-p: {provider: x}}}\n", f"fraises.yaml:2: fraises.a.providers.-p: {_NAMES}"),
        (
            f"fraises:\n  {'a' * 65}: {{providers: {{p: {{provider: x}}}}}}\n",
            f"fraises.yaml:2: fraises.{'a' * 65}: {_NAMES}",
        ),
        (target("provider: a b\n"), f"fraises.yaml:5: fraises.my_api.providers.production.provider: {_NAMES}"),
        (
            target("provider: 1\n"),
            "fraises.yaml:5: fraises.my_api.providers.production.provider: expected the name of a provider, "
            "got the number 1",
        ),
        (
            target("config: {}\n"),
            "fraises.yaml:4: fraises.my_api.providers.production.provider: missing, and required",
        ),
        (
            target("provider: a\nconfig: [a]\n"),
            "fraises.yaml:6: fraises.my_api.providers.production.config: expected a mapping, got a list",
        ),
        (
            target("provider: a\nconfg: {}\n"),
            'fraises.yaml:6: fraises.my_api.providers.production.confg: unknown key; did you mean "config"?',
        ),
        (
            target("provider: a\nhealth_check: {}\n"),
            "fraises.yaml:6: fraises.my_api.providers.production.health_check: "
            "expected exactly one of url, tcp and command, got none",
        ),
        (
            target("provider: a\nhealth_check:\n  url: http://x/\n  timeuot: 3\n"),
            "fraises.yaml:8: fraises.my_api.providers.production.health_check.timeuot: unknown key; "
            'did you mean "timeout"?',
        ),
        (
            target("provider: a\nhealth_check:\n  url: ${URL}\n  timeuot: 3\n"),
            "fraises.yaml:8: fraises.my_api.providers.production.health_check.timeuot: unknown key; "
            'did you mean "timeout"?',
        ),
        (
            target("provider: a\nhealth_check: http://x/\n"),
            "fraises.yaml:6: fraises.my_api.providers.production.health_check: expected a mapping, got text",
        ),
        (
            target("provider: a\nfallback: b\n"),
            "fraises.yaml:6: fraises.my_api.providers.production.fallback: expected a mapping, got text",
        ),
        (
            target("provider: a\nfallback:\n  provider: b\n  fallback: {provider: c}\n"),
            "fraises.yaml:8: fraises.my_api.providers.production.fallback.fallback: unknown key; "
            "known: config, health_check, provider",
        ),
        (
            target("provider: a\nconfig:\n  build:\n  - ok\n  - ${1}\n"),
            "fraises.yaml:9: fraises.my_api.providers.production.config.build[1]: ${1} is not a reference; "
            "write ${NAME}, ${NAME:-default}, ${file:PATH} or ${cmd:COMMAND}, and $${ for a literal ${",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key_path(message_of: MessageOf, text: str, message: str) -> None:
    assert message_of(text) == message


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(write: Write) -> None:
    text = """\
x-base: &base
  ssh_user: ${1}
stat: {}
fraises:
  my_api:
    typ: api
    providers:
      production:
        config: {<<: *base, port: '${'}
        health_check: {timeout: soon, url: 1}
        fallback: {provider: docker_compose, cnfig: {}}
      "st aging": {provider: local}
  other: {}
"""
    with pytest.raises(ConfigError) as caught:
        load_config(write(text))
    assert caught.value.message == "10 problems in fraises.yaml"
    assert caught.value.exit_code == 3
    assert caught.value.problems == [
        "fraises.yaml:2: fraises.my_api.providers.production.config.ssh_user: ${1} is not a reference; "
        "write ${NAME}, ${NAME:-default}, ${file:PATH} or ${cmd:COMMAND}, and $${ for a literal ${",
        'fraises.yaml:3: stat: unknown key; did you mean "state"?',
        'fraises.yaml:6: fraises.my_api.typ: unknown key; did you mean "type"?',
        "fraises.yaml:8: fraises.my_api.providers.production.provider: missing, and required",
        "fraises.yaml:9: fraises.my_api.providers.production.config.port: ${ has no closing brace; "
        "$${ stands for a literal ${",
        "fraises.yaml:10: fraises.my_api.providers.production.health_check.timeout: "
        "expected float, got str 'soon'",
        "fraises.yaml:10: fraises.my_api.providers.production.health_check.url: expected str | null, got int 1",
        'fraises.yaml:11: fraises.my_api.providers.production.fallback.cnfig: unknown key; did you mean "config"?',
        f'fraises.yaml:12: fraises.my_api.providers."st aging": {_NAMES}',
        "fraises.yaml:13: fraises.other.providers: missing, and required",
    ]


def test_a_file_full_of_mistakes_is_refused_soon(problems_of: ProblemsOf) -> None:
    text = "fraises:\n" + "".join(f"  f{n}: {{provders: {{}}, providers: {{}}}}\n" for n in range(20_000))
    assert len(problems_of(text)) == 500


def test_a_mapping_full_of_unknown_keys_is_refused_soon(problems_of: ProblemsOf) -> None:
    keys = ", ".join(f"expect_{n}: 1" for n in range(20_000))
    assert len(problems_of(target(f"provider: a\nhealth_check: {{tcp: 'a:1', {keys}}}\n"))) == 50


def test_what_is_wrong_with_the_form_and_with_the_options_is_told_together(write: Write) -> None:
    class Mine(Options):
        app_path: str

    text = target("provider: mine\nconfig: {app_pth: x}\nhealth_check: {url: 'http://x/', timeout: soon}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(write(text), {"mine": Mine}.get)
    assert [problem.rpartition(".")[2] for problem in caught.value.problems] == [
        "app_path: missing, and required",
        'app_pth: unknown key; did you mean "app_path"?',
        "timeout: expected float, got str 'soon'",
    ]
