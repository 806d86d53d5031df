"""The user's own keys: from the configuration, the options, the agent, or with a passphrase on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab.keys import Key
from lab.lab import Lab

from .site import Site
from .ssh_setup import PASSPHRASE, agent, configure, encrypted, here, login_of


def test_a_name_of_the_ssh_configuration_gives_address_port_user_and_key(home: Path, site: Site, lab: Lab) -> None:
    site.host.add_account("carol") if not site.host.succeeds("id carol") else None
    configure(home, here(site.host, user="carol", IdentityFile=lab.key_path, ConnectTimeout=20))
    assert login_of(site, ssh_host="prod").startswith(f"carol@127.0.0.1:{site.host.ssh_port}, ")
    assert login_of(site, ssh_host="prod", ssh_user="deploy").startswith("deploy@")


def test_keys_of_the_ssh_configuration_that_are_not_there_are_passed_over(
    home: Path, site: Site, lab: Lab
) -> None:
    missing = f"  IdentityFile {home}/not-there\n"
    configure(home, here(site.host, ForwardAgent="$SSH_AUTH_SOCK") + missing + f"  IdentityFile {lab.key_path}\n")
    assert login_of(site, ssh_host="prod")


def test_options_say_it_all_without_an_ssh_configuration(home: Path, site: Site, lab: Lab) -> None:
    configure(home, "")
    options = {
        "ssh_host": "127.0.0.1",
        "ssh_port": site.host.ssh_port,
        "ssh_key_path": str(lab.key_path),
        "known_hosts_path": str(lab.known_hosts),
    }
    assert login_of(site, **options).startswith(f"deploy@127.0.0.1:{site.host.ssh_port}, ")


def test_the_key_may_come_from_the_agent(home: Path, site: Site, lab: Lab, tmp_path: Path) -> None:
    configure(home, here(site.host))
    assert "accepts no key of yours (tried: no key at all)" in site.checks(ssh_host="prod")["ssh"]
    with agent(tmp_path, lab.key_path):
        assert login_of(site, ssh_host="prod")


@pytest.mark.parametrize("named", ["{}", '"{}"', "${{OTHER}}", "$OTHER", "~/agent", "%d/agent"])
def test_the_agent_that_the_ssh_configuration_names_is_asked_in_place_of_the_usual_one(
    home: Path, site: Site, lab: Lab, tmp_path: Path, named: str
) -> None:
    with agent(tmp_path, lab.key_path), pytest.MonkeyPatch.context() as patch:
        address = os.environ["SSH_AUTH_SOCK"]
        patch.setenv("SSH_AUTH_SOCK", "/nowhere")
        patch.setenv("OTHER", address)
        (home / "agent").symlink_to(address)
        configure(home, here(site.host))
        assert "(tried: no key at all)" in site.checks(ssh_host="prod")["ssh"]
        configure(home, here(site.host, IdentityAgent=named.format(address)))
        assert login_of(site, ssh_host="prod")


@pytest.mark.parametrize(("named", "asked"), [("SSH_AUTH_SOCK", True), ("none", False), ("$NOTHING", False)])
def test_the_usual_agent_is_asked_unless_the_ssh_configuration_names_another_one_or_none(
    home: Path, site: Site, lab: Lab, tmp_path: Path, named: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configure(home, here(site.host, IdentityAgent=named))
    with agent(tmp_path, lab.key_path):
        (tmp_path / "none").symlink_to(os.environ["SSH_AUTH_SOCK"])
        assert ("ssh" not in site.checks(ssh_host="prod")) == asked


def test_paths_of_keys_may_have_blanks_and_signs_in_them(home: Path, site: Site, lab: Lab) -> None:
    key = home / "prod of deploy" / f"100% {site.host.ssh_port}"
    key.parent.mkdir()
    key.symlink_to(lab.key_path)
    configure(home, here(site.host, IdentityFile='"%d/%n of %r/100%% %p" # mine'))
    assert login_of(site, ssh_host="prod")


def test_no_key_is_read_where_the_ssh_configuration_says_none(
    home: Path, site: Site, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    configure(home, here(site.host, IdentityFile="none"))
    for name in (".ssh/id_ed25519", "none"):
        (home / name).symlink_to(lab.key_path)
    assert "(tried: no key at all)" in site.checks(ssh_host="prod")["ssh"]


@pytest.mark.parametrize("kind", [["-t", "ed25519"], ["-t", "ecdsa", "-m", "PEM"]], ids=["new form", "PEM"])
def test_an_encrypted_key_comes_from_the_agent_or_is_an_error_that_says_so(
    home: Path, site: Site, tmp_path: Path, kind: list[str]
) -> None:
    configure(home, here(site.host))
    key = tmp_path / "encrypted"
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", PASSPHRASE, "-f", str(key)], check=True, timeout=30)
    site.host.run("cat >> ~deploy/.ssh/authorized_keys", stdin=key.with_suffix(".pub").read_text())
    said = site.checks(ssh_host="prod", ssh_key_path=str(key))["ssh"]
    assert said == f"the key {key} is encrypted; put it in your agent: ssh-add {key}"
    with agent(tmp_path, key):
        assert login_of(site, ssh_host="prod", ssh_key_path=str(key))


def test_the_right_key_is_found_among_many_of_the_agent_as_ssh_finds_it(
    home: Path, site: Site, lab: Lab, tmp_path: Path
) -> None:
    key = encrypted(lab, tmp_path / "encrypted")
    configure(home, here(site.host, IdentityFile=key, IdentitiesOnly="yes"))
    others = [Key.new(tmp_path / f"other-{number}").path for number in range(7)]
    with agent(tmp_path, *others, key):
        assert login_of(site, ssh_host="prod")


def test_the_passphrase_is_asked_for_on_a_terminal(home: Path, site: Site, lab: Lab, tmp_path: Path) -> None:
    configure(home, here(site.host))
    key = encrypted(lab, tmp_path / "encrypted")
    site.options |= {"ssh_host": "prod", "ssh_key_path": str(key)}
    line, environ = site.command("status", "FRAISE", "ENV")
    on_a_terminal = [sys.executable, "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)", *line]
    pipe = subprocess.PIPE
    with subprocess.Popen(on_a_terminal, env=environ, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        said = b""
        while not said.endswith(b"encrypted: "):
            said += (more := process.stdout.read(1))
            assert more, said
        process.stdin.write(PASSPHRASE.encode() + b"\n")
        process.stdin.flush()
        shown = process.stdout.read().decode()
        assert process.wait(timeout=30) == 0, shown
    assert said.decode().endswith(f"passphrase of the key {key}: ")
    assert "stopped" in shown
    assert PASSPHRASE not in shown


def test_a_key_that_is_not_accepted_is_named_and_what_else_was_tried(
    home: Path, site: Site, tmp_path: Path
) -> None:
    configure(home, here(site.host))
    wrong, other = Key.new(tmp_path / "wrong").path, Key.new(tmp_path / "other").path
    with agent(tmp_path, other):
        said = site.checks(ssh_host="prod", ssh_key_path=str(wrong))["ssh"]
    address = f"deploy@127.0.0.1:{site.host.ssh_port}"
    assert said.startswith(f"{address} accepts no key of yours (tried: {wrong}, 1 of the agent); ")
    assert f"ssh-copy-id -i {wrong} -p {site.host.ssh_port} deploy@prod; look with: ssh " in said


def test_more_keys_than_a_host_hears_of_are_an_error_that_says_how_to_name_one(
    home: Path, site: Site, lab: Lab, tmp_path: Path
) -> None:
    configure(home, here(site.host))
    others = [Key.new(tmp_path / f"other-{number}").path for number in range(7)]
    with agent(tmp_path, *others, lab.key_path):
        refused = site.checks(ssh_host="prod")["ssh"]
        assert "hears of no more keys before it has come to the right one (tried: " in refused
        assert "; name it as ssh_key_path, " in refused
        assert login_of(site, ssh_host="prod", ssh_key_path=str(lab.key_path))


def test_a_key_that_is_not_there_is_an_error(site: Site, tmp_path: Path) -> None:
    said = site.checks(ssh_key_path="keys/not-there")["ssh"]
    assert said.startswith(f"the key {tmp_path}/keys/not-there cannot be read: no such file or directory")
