"""What stands under `config`: what is refused before any host is asked, and what is taken as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Secret, Session, Target, read_options
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.repository import repository_of

GIVEN = {"ssh_host": "h", "git_repo": "git@h:r.git", "app_path": "/srv/a", "systemd_service": "a.service"}
EVIL = [
    "x; touch canary",
    "x$(touch canary)",
    "x`touch canary`",
    "x\ntouch canary",
    "x\n",
    "x y",
    "x'y",
    'x"y',
    "x\0y",
    "-oProxyCommand=touch canary",
    "--upload-pack=touch canary",
    "é",
    "",
]


def read(**options: Any) -> Options:
    given = {name: value for name, value in {**GIVEN, **options}.items() if value is not None}
    target = Target(
        fraise="my_api",
        environment="test",
        provider="bare_metal",
        options=given,
        folder=Path("/nowhere"),
        session=Session(),
    )
    return read_options(target, Options)


def refused(**options: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        read(**options)
    return raised.value.message


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("field", ["ssh_host", "ssh_user", "systemd_service"])
def test_names_are_names_and_nothing_else(field: str, value: str) -> None:
    assert refused(**{field: value}).startswith(f"fraises.my_api.providers.test.config.{field}: ")


@pytest.mark.parametrize("value", EVIL)
def test_hosts_of_a_list_and_names_of_variables_are_names_too(value: str) -> None:
    refused(ssh_host=None, ssh_hosts=["good", value])
    refused(environment={value: "text"})


@pytest.mark.parametrize("value", ["h:2222", "a:22", "[2001:db8::1]", "[::1]:2222", "h]", "::1 ", ":1", "g::1"])
def test_a_port_is_no_part_of_a_host_and_an_address_stands_without_brackets(value: str) -> None:
    assert refused(ssh_host=value).startswith("fraises.my_api.providers.test.config.ssh_host: ")
    refused(ssh_host=None, ssh_hosts=["good", value])


@pytest.mark.parametrize("value", ["h", "web-1.example.com", "10.0.0.1", "2001:db8::1", "::1", "::ffff:10.0.0.1"])
def test_a_host_is_a_name_or_an_address_of_either_kind(value: str) -> None:
    assert read(ssh_host=value).hosts == [value]


@pytest.mark.parametrize("value", ["-x", "--upload-pack=touch canary", "", "x\0y", "x\ny"])
def test_git_is_given_no_options_in_place_of_a_repository_or_a_branch(value: str) -> None:
    refused(git_repo=value)
    refused(branch=value)


@pytest.mark.parametrize("value", ["relative", "/", "//", "/srv/x\ny", "/srv/x\0y", "", "~/app", "/srv/x\n"])
def test_app_path_is_an_absolute_path_on_one_line(value: str) -> None:
    refused(app_path=value)


@pytest.mark.parametrize("value", ["/etc", "../x", "x/../../y", "x\ny", "x\n", "", ".", "x/", ".fraisier", "x\0"])
def test_shared_paths_stay_in_the_release(value: str) -> None:
    refused(shared=[value])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ssh_host": None}, "exactly one of ssh_host and ssh_hosts"),
        ({"ssh_hosts": ["a", "b"]}, "exactly one of ssh_host and ssh_hosts"),
        ({"ssh_host": None, "ssh_hosts": ["a", "a"]}, "each host once"),
        ({"layout": "in_place", "shared": ["x"]}, "with the layout releases only"),
        ({"ssh_port": 70000}, "ssh_port: "),
        ({"restart": "stop"}, "expected 'restart' or 'reload' or 'reload-or-restart'"),
        ({"deadlines": {"connect": 0}}, "deadlines.connect: "),
        ({"keep_releases": 0}, "keep_releases: "),
        ({"environment": {"A": "x\0y"}}, "no NUL"),
        ({"build": ["a\0b"]}, "no NUL"),
        ({"build": ["cd src\nmake"]}, "build: expected one line in each entry"),
        ({"build": ["make", "make install\n"]}, "build: expected one line in each entry"),
        ({"shared": ["up", "log", "up"]}, "shared: expected each path once"),
        ({"shared": ["data/up", "data"]}, "shared: expected data or data/up, which is in it, but not both"),
        ({"shared": ["data", "x", "data/a/b"]}, "shared: expected data or data/a/b"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], said: str) -> None:
    assert said in refused(**options)


def test_what_is_odd_and_harmless_is_taken_as_it_is() -> None:
    given = {
        "app_path": '/srv/my app\'s "é" $HOME;',
        "branch": "feature/$(x);é'\"",
        "shared": ["my uploads/é", "it's", "it's too"],
        "environment": {"A": "'\"\n$`\\"},
        "git_repo": "/srv/git/my repo é.git",
        "systemd_service": "my-api\\x2d@1:2",
    }
    options = read(**given)
    assert (options.app_path, options.branch) == (given["app_path"], given["branch"])
    assert options.shared == given["shared"]
    assert options.environment["A"].reveal() == "'\"\n$`\\"
    assert options.git_repo.reveal() == given["git_repo"]
    assert options.unit == "my-api\\x2d@1:2.service"


@pytest.mark.parametrize(
    ("options", "verbs"),
    [
        ({}, ["reset-failed", "restart"]),
        ({"restart": "reload"}, ["reset-failed", "reload", "restart"]),
        ({"restart": "reload-or-restart"}, ["reset-failed", "reload-or-restart"]),
    ],
)
def test_the_verbs_that_need_root_are_as_few_as_can_be(options: dict[str, Any], verbs: list[str]) -> None:
    assert read(**options).verbs == verbs


@pytest.mark.parametrize(
    ("given", "address", "user", "token"),
    [
        ("https://bot:a%20t%40ken@h:8443/r.git?a=b", "https://h:8443/r.git?a=b", "bot", "a t@ken"),
        ("https://t0ken@h/r.git", "https://h/r.git", "t0ken", ""),
        ("https://h/who@home/r.git", "https://h/who@home/r.git", "", ""),
        ("http://bot:t@[not-an-address/r.git", "http://[not-an-address/r.git", "bot", "t"),
        ("git@h:r.git", "git@h:r.git", "", ""),
        ("ssh://git@h/r.git", "ssh://git@h/r.git", "", ""),
    ],
)
def test_a_name_and_a_token_are_parted_from_the_address(given: str, address: str, user: str, token: str) -> None:
    found = repository_of(read(git_repo=Secret(given, "${REPOSITORY}")))
    assert (found["git_repo"], found["git_user"], found["git_token"]) == (address, Secret(user), Secret(token))
    assert (found["shown_repo"], found["typed_repo"]) == ("${REPOSITORY}", "")


@pytest.mark.parametrize(
    "given",
    [
        "https://bot:t0ken@git.example.com/a.git",
        Secret("https://bot:t0ken@git.example.com/a.git", "https://bot:${TOKEN}@git.example.com/a.git"),
    ],
)
def test_what_is_shown_of_an_address_is_what_can_be_typed_and_has_no_token(given: str | Secret) -> None:
    found = repository_of(read(git_repo=given))
    assert (found["shown_repo"], found["typed_repo"]) == ("https://git.example.com/a.git",) * 2
