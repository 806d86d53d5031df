"""The SSH configuration is read as `ssh` itself reads it: what it makes of a file is what we make of it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fraisier import TargetError
from fraisier_bare_metal.ssh.config import read_ssh_config
from fraisier_bare_metal.ssh.match import JudgedConfig

COMPARED = ("hostname", "user", "port", "hostkeyalias", "identityagent", "proxyjump", "identityfile")


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, in which `@` stands for their folder, and return the one named `config`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("@", f"{folder}/"))
    return folder / "config"


def of_ssh(config: Path, host: str) -> dict[str, list[str]]:
    """Return what `ssh` would do about a host, without logging in."""
    done = subprocess.run(["ssh", "-G", "-F", str(config), host], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def of_ours(config: Path, host: str, system: Path | str = "/nowhere") -> dict[str, list[str]]:
    """Return what we would do about it."""
    text = read_ssh_config(str(config), str(system))
    settings: dict[str, Any] = dict(JudgedConfig.from_text(text).lookup(host))
    return {key: value if isinstance(value, list) else [value] for key, value in settings.items()}


INCLUDES = {
    "config": """
        Include @first.conf @nowhere.conf "@with blank/*.conf"   # the others are not there
        Host one
          Include @inside
          Port 1001
        Host two* !two.not three
          Include @inside @more/*
          HostKeyAlias after
        Match originalhost four,five !user somebody
          Include @inside
        Include @last.conf
        Host *
          Port 2000
    """,
    "first.conf": "User first\nHost zero\n  Port 1\n",
    "with blank/b.conf": "Host z*\n  Port 3\n  HostKeyAlias b\n",
    "with blank/a.conf": "Host z*\n  Port 2\n",
    "inside": "IdentityFile /inside\nHost one two.b four\n  HostName %h.example.com\nMatch all\nInclude @deeper\n",
    "deeper": "IdentityFile /deeper\nHost two.b five\n  IdentityAgent /agent\nHost nobody\n  Port 9\n",
    "more/1": "ProxyJump jump\n",
    "more/2": "ProxyJump other\nMatch host two.b.example.com\n  IdentityFile /two\n",
    "last.conf": "Host unrelated\n  Port 7\n",
}

HOSTS = ["zero", "zone", "one", "two", "two.b", "two.not", "three", "four", "five", "six"]


@pytest.mark.parametrize("host", HOSTS)
def test_included_files_count_where_and_as_far_as_they_do_for_ssh(tmp_path: Path, host: str) -> None:
    config = write(tmp_path, INCLUDES)
    expected, found = of_ssh(config, host), of_ours(config, host)
    for keyword in COMPARED:
        if keyword in found or keyword not in ("identityfile", "port"):
            assert found.get(keyword) == expected.get(keyword), keyword


@pytest.mark.parametrize(
    "line",
    [
        "User bob # by day",
        'User "bob"',
        "User = bob",
        "Match Host x.y\n  User bob",
        "Match host=nobody\n  User eve\nMatch Final All\n  User bob",
        "Match !all\n  User eve\nMatch all\n  User bob",
        "Match host real.example\n  User eve\nHost x.y\n  HostName real.example\n  User bob",
        "Match user bob\n  HostName other.example\nMatch all\n  User bob",
        "Match exec 'false'\n  User eve\nMatch host x.y exec \"test %n = x.y\" # don't\n  User bob",
        'IdentityFile "/a b/key" # mine',
        "IdentityFile /a\\ b/key",
        "IdentityFile '/it''s #1'",
        "HostName [x]#1",
        "UserKnownHostsFile /one /two",
    ],
)
def test_comments_quotes_and_capitals_mean_what_they_mean_to_ssh(tmp_path: Path, line: str) -> None:
    config = write(tmp_path, {"config": f"{line}\nHost *\n  Port 1\n"})
    expected, found = of_ssh(config, "x.y"), of_ours(config, "x.y")
    assert set(found) & {"user", "identityfile", "userknownhostsfile"} or "HostName" in line
    if "userknownhostsfile" in found:
        # The only one that is kept quoted, since it is several.
        assert expected["userknownhostsfile"] == ["/one /two"]
    assert {key: value for key, value in found.items() if expected[key] != value} == {}


def test_relative_paths_begin_where_the_file_is_the_home_of_the_user_is_known_and_so_are_variables(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "third")
    config = write(home / ".ssh", {"config": "Include conf.d/* ~/second ${HOME}/${PLACE}\n"})
    write(home, {".ssh/conf.d/a": "Port 1\n", "second": "User second\n", "third": "HostKeyAlias third\n"})
    system = write(tmp_path / "etc", {"config": "Include sub/*\n", "sub/x": "User system\nHostName system\n"})
    found = of_ours(config, "any", system)
    assert found == {"port": ["1"], "user": ["second"], "hostkeyalias": ["third"], "hostname": ["system"]}


def test_the_systems_file_does_not_belong_to_the_last_host_of_the_users(tmp_path: Path) -> None:
    config = write(tmp_path / "user", {"config": "Host one\n  Port 1\n"})
    system = write(tmp_path / "system", {"config": "User everybody\n"})
    assert of_ours(config, "two", system)["user"] == ["everybody"]


def test_criteria_that_we_cannot_judge_are_not_met(tmp_path: Path) -> None:
    text = "Match localnetwork ::/0\n  User a\nMatch tagged x host *\n  User b\nMatch !tagged x host *\n  User c\n"
    assert of_ours(write(tmp_path, {"config": text}), "any")["user"] == ["c"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config": "Host one\n  Port\n"}, "config, line 2: expected a keyword and a value: Port"),
        ({"config": "Include @a\n", "a": 'Host "one\n'}, 'a, line 1: unmatched quotation mark: "one'),
        ({"config": "Match host\n"}, "config, line 1: expected a value after Match host"),
        ({"config": "Include @config\n"}, "config: Include goes more than 16 files deep"),
    ],
)
def test_a_file_that_makes_no_sense_is_an_error_that_says_where(
    tmp_path: Path, files: Mapping[str, str], said: str
) -> None:
    with pytest.raises(TargetError) as raised:
        read_ssh_config(str(write(tmp_path, files)), "/nowhere")
    assert str(raised.value).startswith(f"{tmp_path}/{said}; ")


def test_an_included_file_that_cannot_be_read_is_an_error_but_a_folder_is_not(tmp_path: Path) -> None:
    config = write(tmp_path, {"config": "Include @folder @loop\nPort 1\n", "folder/x": ""})
    assert of_ours(config, "any")["port"] == ["1"]
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TargetError, match="loop cannot be read: too many levels of symbolic links"):
        read_ssh_config(str(config), "/nowhere")
