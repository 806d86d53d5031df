"""Finding the file, finding a place in it, and what is looked up when the place is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from fraisier.contract.errors import ConfigError, UsageError
from fraisier.contract.models import HealthCheck
from fraisier.contract.options import Options
from fraisier.contract.secret import Secret
from fraisier.engine.configuration.config import find_config, load_config
from fraisier.engine.configuration.redaction import Redactor

Write = Callable[[str], Path]

SMALL = """\
fraises:
  my_api:
    providers:
      production: {provider: local}
      staging: {provider: local}
  my_site:
    providers:
      production: {provider: local}
"""


@pytest.mark.parametrize(
    ("fraise", "environment", "message"),
    [
        ("my_apy", "production", 'no fraise "my_apy" in fraises.yaml; did you mean "my_api"?'),
        ("zzz", "production", 'no fraise "zzz" in fraises.yaml; known: my_api, my_site'),
        ("my_api", "prod", 'no environment "prod" of my_api in fraises.yaml; did you mean "production"?'),
        ("my_site", "staging", 'no environment "staging" of my_site in fraises.yaml; known: production'),
    ],
)
def test_an_unknown_place_is_refused_with_the_nearest_name(
    write: Write, fraise: str, environment: str, message: str
) -> None:
    config = load_config(write(SMALL))
    with pytest.raises(UsageError) as caught:
        config.place(fraise, environment)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_a_long_list_of_names_is_not_told(write: Write) -> None:
    text = "fraises:\n" + "".join(f"  f{n}: {{providers: {{p: {{provider: x}}}}}}\n" for n in range(100))
    with pytest.raises(UsageError, match=r'^no fraise "zzz" in fraises.yaml$'):
        load_config(write(text)).place("zzz", "p")


def test_the_file_is_found_here_or_in_a_parent_folder(write: Write, folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    with pytest.raises(ConfigError) as caught:
        find_config(None, {}, below)
    assert str(caught.value) == f"no fraises.yaml in {below} or a parent folder; run: fraisier init"
    path = write(SMALL)
    assert find_config(None, {}, folder) == path
    assert find_config(None, {"FRAISIER_CONFIG": ""}, below) == path


def test_the_file_can_be_named(folder: Path) -> None:
    environ = {"FRAISIER_CONFIG": "from_environment.yaml"}
    assert find_config(None, environ, folder) == folder / "from_environment.yaml"
    assert find_config(Path("given.yaml"), environ, folder) == folder / "given.yaml"
    assert find_config(Path("/etc/given.yaml"), environ, folder) == Path("/etc/given.yaml")


def test_a_relative_path_is_made_absolute(write: Write, folder: Path) -> None:
    write(SMALL)
    config = load_config(Path("fraises.yaml"))
    assert (config.path, config.folder) == (folder / "fraises.yaml", folder)


SECRETS = """\
fraises:
  my_api:
    providers:
      production:
        provider: local
        config:
          token: ${TOKEN}
          url: postgres://app:${file:password}@db/app
          port: 80
        health_check:
          url: http://localhost:${PORT:-8000}/
          timeout: ${TIMEOUT}
        fallback:
          provider: other
          config: {key: "${NOWHERE}"}
"""


def test_references_are_looked_up_when_a_place_is_used(write: Write, folder: Path) -> None:
    (folder / "password").write_text("s3cret\n")
    redactor = Redactor()
    place = load_config(write(SECRETS)).place("my_api", "production")
    options, check = place.resolved({"TOKEN": "abcdef", "TIMEOUT": "12"}, redactor)
    assert options == {"token": Secret("abcdef"), "url": Secret("postgres://app:s3cret@db/app"), "port": 80}
    assert options["url"].reference == "postgres://app:${file:password}@db/app"
    assert check == HealthCheck(url="http://localhost:8000/", timeout=12.0)
    assert redactor("abcdef s3cret 8000 app") == "*** *** *** app"


def test_all_that_cannot_be_looked_up_is_told_at_once(write: Write) -> None:
    place = load_config(write(SECRETS)).place("my_api", "production")
    with pytest.raises(ConfigError) as caught:
        place.resolved({"TIMEOUT": ""}, Redactor())
    where = "fraises.my_api.providers.production"
    assert caught.value.message == "3 problems in fraises.yaml"
    assert caught.value.problems == [
        f"fraises.yaml:7: {where}.config.token: TOKEN is not set in the environment; "
        "set it, or give a default: ${TOKEN:-...}",
        f"fraises.yaml:8: {where}.config.url: cannot read password: no such file or directory",
        f"fraises.yaml:12: {where}.health_check.timeout: TIMEOUT is empty in the environment; "
        "set it, or give a default: ${TIMEOUT:-...}",
    ]


def test_a_fallback_tells_its_own_lines_and_those_of_the_health_check_it_has(write: Write, folder: Path) -> None:
    (folder / "password").write_text("s3cret\n")
    fallback = load_config(write(SECRETS)).place("my_api", "production").fallback
    assert fallback is not None
    with pytest.raises(ConfigError) as caught:
        fallback.resolved({}, Redactor())
    where = "fraises.my_api.providers.production"
    assert [problem.split(": ")[:2] for problem in caught.value.problems] == [
        ["fraises.yaml:12", f"{where}.health_check.timeout"],
        ["fraises.yaml:15", f"{where}.fallback.config.key"],
    ]


def test_a_health_check_from_references_is_refused_without_its_values(write: Write, folder: Path) -> None:
    (folder / "password").write_text("s3cret\n")
    place = load_config(write(SECRETS)).place("my_api", "production")
    with pytest.raises(ConfigError) as caught:
        place.resolved({"TOKEN": "abcdef", "TIMEOUT": "sekret"}, Redactor())
    assert str(caught.value) == (
        "fraises.yaml:12: fraises.my_api.providers.production.health_check.timeout: "
        "expected float, which ${TIMEOUT} does not give"
    )


class LocalOptions(Options, frozen=True, kw_only=True):
    ssh_port: Annotated[int, msgspec.Meta(ge=1)] = 22
    app_path: str
    token: Secret | None = None


def test_options_are_checked_against_the_struct_of_their_provider(write: Write) -> None:
    text = """\
fraises:
  my_api:
    providers:
      production:
        provider: local
        config:
          ssh_prot: 1
          ssh_port: 0
          token: ${TOKEN}
        fallback:
          provider: local
          config: {app_path: /x, ssh_port: "${PORT}", tokn: x}
      staging:
        provider: unknown
        config: {anything: 1}
      good:
        provider: local
        config: {app_path: "${APP}", ssh_port: 2222}
"""
    where = "fraises.my_api.providers.production"
    with pytest.raises(ConfigError) as caught:
        load_config(write(text), {"local": LocalOptions}.get)
    assert caught.value.problems == [
        f"fraises.yaml:6: {where}.config.app_path: missing, and required",
        f'fraises.yaml:7: {where}.config.ssh_prot: unknown key; did you mean "ssh_port"?',
        f"fraises.yaml:8: {where}.config.ssh_port: expected int >= 1, got 0",
        f'fraises.yaml:12: {where}.fallback.config.tokn: unknown key; did you mean "token"?',
    ]


def test_a_file_in_another_folder_is_shown_by_its_path(folder: Path) -> None:
    path = folder / "sub" / "fraises.yaml"
    path.parent.mkdir()
    path.write_text("fraises: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == "sub/fraises.yaml:1: fraises: expected a mapping, got the number 1"


class Server(Options):
    host: str = ""
    hosts: list[str] = msgspec.field(default_factory=list)
    environment: dict[str, Secret] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.host) == bool(self.hosts):
            raise ValueError("expected exactly one of host and hosts")


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("{host: a, hosts: [b], environment: {KEY: '${KEY}'}}", True),
        ("{environment: {KEY: 'Bearer ${KEY}'}}", True),
        ("{host: '${HOST}', hosts: [b]}", False),
        ("{hosts: ['${HOST}'], environment: {KEY: '${KEY}'}}", False),
    ],
)
def test_keys_are_held_against_each_other_where_only_secrets_refer_to_something(
    write: Write, written: str, wrong: bool
) -> None:
    path = write(f"fraises: {{a: {{providers: {{b: {{provider: server, config: {written}}}}}}}}}\n")
    if not wrong:
        load_config(path, lambda _: Server)
        return
    with pytest.raises(ConfigError, match=r"config: expected exactly one of host and hosts$"):
        load_config(path, lambda _: Server)
