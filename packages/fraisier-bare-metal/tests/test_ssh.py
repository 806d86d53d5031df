"""Logging in as `ssh` would, with keys of hosts checked, and telling what to do where that is not possible."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fraisier import HealthCheck
from fraisier.testing.deadline import SilentServer, within
from fraisier_bare_metal import hooks
from lab.host import Host
from lab.keys import Key
from lab.lab import Lab

from .conftest import Site

PASSPHRASE = "correct horse"


def configure(home: Path, text: str) -> None:
    """Write `~/.ssh/config`, in place of the lab's."""
    path = home / ".ssh" / "config"
    path.unlink(missing_ok=True)
    path.write_text(text)


def here(host: Host, name: str = "prod", user: str = "deploy", **more: Any) -> str:
    """Return the section of an SSH configuration for a host, as this machine reaches it."""
    given = {"HostName": "127.0.0.1", "Port": host.ssh_port, "User": user, "UserKnownHostsFile": host.known_hosts}
    lines = [f"  {key} {value}\n" for key, value in {**given, **more}.items() if value is not None]
    return f"Host {name}\n{''.join(lines)}"


def fingerprint(host: Host) -> str:
    """Return what a person reads on the host itself."""
    return host.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]


def command_in(said: str) -> str:
    """Return the command that a message ends with."""
    return re.split(r": (?=ssh-)", said)[-1]


def shell(command: str) -> None:
    subprocess.run(command, shell=True, check=True, capture_output=True, timeout=30)


def login_of(site: Site, **options: object) -> str:
    """Return what pre-flight says of the login, which is to pass."""
    with site.target(**options) as target:
        [ssh] = [check for check in hooks.pre_flight(target) if check.name == "ssh"]
    assert ssh.passed, ssh.detail
    return ssh.detail


@contextmanager
def agent(tmp_path: Path, *keys: Path) -> Iterator[None]:
    """Run an agent that has keys; those that are encrypted have our passphrase."""
    address = str(tmp_path / "agent.sock")
    answer = tmp_path / "answer"
    answer.write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    answer.chmod(0o700)
    with subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL) as process:
        try:
            environ = {**os.environ, "SSH_AUTH_SOCK": address}
            asking = environ | {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
            while not Path(address).exists():
                assert process.poll() is None
            for key in keys:
                subprocess.run(["ssh-add", "-q", str(key)], env=asking, check=True, timeout=30)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SSH_AUTH_SOCK", address)
                yield
        finally:
            process.terminate()


def encrypted(lab: Lab, path: Path) -> Path:
    """Copy the lab's key and encrypt the copy."""
    path.write_text(lab.key.private)
    path.chmod(0o600)
    path.with_name(f"{path.name}.pub").write_text(lab.key.public)
    change = ["ssh-keygen", "-q", "-p", "-N", PASSPHRASE, "-f", str(path)]
    subprocess.run(change, check=True, capture_output=True, timeout=30)
    return path


def test_a_host_whose_key_is_not_known_is_refused_until_its_key_is_added_as_the_message_says(
    site: Site, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    said = site.checks(known_hosts_path=str(known))["ssh"]
    assert said.startswith("the host key of 127.0.0.1 is not known: ssh-ed25519 ")
    assert fingerprint(site.host) in said
    assert not known.exists(), "an unknown key was taken"
    shell(command_in(said))
    assert site.checks(known_hosts_path=str(known)) == {}


def test_the_known_hosts_of_the_user_are_what_counts_without_another_file(
    home: Path, site: Site, lab: Lab
) -> None:
    configure(home, here(site.host, IdentityFile=lab.key_path, UserKnownHostsFile=None))
    said = site.checks(ssh_host="prod")["ssh"]
    assert said.endswith(f" >> {home}/.ssh/known_hosts")
    shell(command_in(said))
    assert site.checks(ssh_host="prod") == {}


def test_a_host_whose_key_has_changed_is_refused_with_both_fingerprints(site: Site, tmp_path: Path) -> None:
    known, other = tmp_path / "known_hosts", Key.new(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{site.host.ssh_port} {other.public}\n")
    said = site.checks(known_hosts_path=str(known))["ssh"]
    assert said.startswith("the host key of 127.0.0.1 has changed: got ssh-ed25519 ")
    line = ["ssh-keygen", "-lf", str(other.path)]
    expected = subprocess.run(line, capture_output=True, text=True, timeout=30).stdout.split()[1]
    assert fingerprint(site.host) in said
    assert expected in said
    shell(command_in(said))
    assert "is not known" in site.checks(known_hosts_path=str(known))["ssh"]


def test_lines_of_known_hosts_that_mean_something_else_are_passed_over(
    site: Site, lab: Lab, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    odd = ["@cert-authority *.example.com ssh-rsa AAAAB3NzaC1yc2E", "nonsense", "host ssh-rsa !!!", "|1|x|y z w"]
    known.write_text("\n".join(odd) + "\n" + lab.known_hosts.read_text())
    assert site.checks(known_hosts_path=str(known)) == {}


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
    assert f"ssh-copy-id -p {site.host.ssh_port} deploy@prod; look with: ssh " in said


def test_a_key_that_is_not_there_is_an_error(site: Site, tmp_path: Path) -> None:
    said = site.checks(ssh_key_path="keys/not-there")["ssh"]
    assert said.startswith(f"the key {tmp_path}/keys/not-there cannot be read: no such file or directory")


def jumping(home: Path, jump: Host, host: Host, known_hosts: Path, key: Path) -> None:
    """Configure a host that is reached through another one, by the name that it has there."""
    more: Any = {"IdentityFile": key, "UserKnownHostsFile": known_hosts}
    inside = here(host, "inner", **more, HostName=host.name, Port=22, ProxyJump="outer")
    configure(home, here(jump, "outer", **more) + inside)


@pytest.fixture(scope="module")
def jump(lab: Lab) -> Iterator[Host]:
    with lab.host() as host:
        yield host


def test_a_jump_host_is_gone_through_and_the_keys_of_both_are_checked(
    home: Path, jump: Host, site: Site, lab: Lab, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    outer, inner = f"[127.0.0.1]:{jump.ssh_port} {jump.host_key}\n", f"{site.host.name} {site.host.host_key}\n"
    jumping(home, jump, site.host, known, lab.key_path)
    known.write_text(outer + inner)
    assert login_of(site, ssh_host="inner").startswith(f"deploy@{site.host.name}:22, ")
    known.write_text(outer)
    said = site.checks(ssh_host="inner")["ssh"]
    assert said.startswith(f"the host key of {site.host.name} is not known: ")
    assert fingerprint(site.host) in said
    assert f"ssh -p {jump.ssh_port} deploy@outer ssh-keyscan -p 22 {site.host.name} >> " in said
    known.write_text(inner)
    said = site.checks(ssh_host="inner")["ssh"]
    assert said.startswith("the host key of 127.0.0.1 is not known: ")
    assert fingerprint(jump) in said
    assert f"ssh-keyscan -p {jump.ssh_port} 127.0.0.1 >> " in said


def test_jump_hosts_are_gone_through_in_the_order_in_which_they_stand(
    home: Path, jump: Host, site: Site, lab: Lab, tmp_path: Path
) -> None:
    # The second jump has a name that only the first one can resolve.
    key: Any = {"IdentityFile": lab.key_path}
    middle = here(jump, "middle", **key, HostName=jump.name, Port=22)
    inner = here(site.host, "inner", **key, HostName=site.host.name, Port=22, ProxyJump="outer,middle")
    configure(home, here(jump, "outer", **key) + middle + inner)
    assert login_of(site, ssh_host="inner").startswith(f"deploy@{site.host.name}:22, ")


def test_a_jump_host_can_be_switched_off(home: Path, site: Site, lab: Lab) -> None:
    direct = here(site.host, IdentityFile=lab.key_path, ProxyJump="none")
    configure(home, f"{direct}Host *\n  ProxyJump nowhere.invalid\n")
    assert login_of(site, ssh_host="prod")


def test_a_proxy_command_is_used(home: Path, jump: Host, site: Site, lab: Lab) -> None:
    through = f"ssh -F {lab.ssh_config} -W {site.host.name}:22 {jump.name}"
    more: Any = {"IdentityFile": lab.key_path, "HostName": site.host.name, "Port": 22, "ProxyCommand": through}
    configure(home, here(site.host, **more))
    assert login_of(site, ssh_host="prod")


def test_a_port_on_which_nobody_listens_is_told(home: Path, site: Site) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = site.checks(ssh_host="127.0.0.1", ssh_port=port)["ssh"]
    assert said == (
        f"cannot reach deploy@127.0.0.1:{port}: connection refused; look with: ssh -p {port} deploy@127.0.0.1 true"
    )


def test_a_name_that_nobody_knows_is_told(site: Site) -> None:
    said = site.checks(ssh_host="nowhere.invalid")["ssh"]
    assert said.startswith("cannot reach deploy@nowhere.invalid:22: ")


@pytest.mark.parametrize("through", [False, True], ids=["the host", "its jump host"])
def test_a_host_that_never_answers_is_given_up_in_time(home: Path, site: Site, through: bool) -> None:
    silent = SilentServer()
    port = silent.url.rpartition(":")[2].strip("/")
    alias = "Host far\n  ProxyJump near\nHost near\n" if through else "Host far\n"
    configure(home, f"{alias}  HostName 127.0.0.1\n  Port {port}\n")
    try:
        said = within(10, "pre-flight", lambda: site.checks(ssh_host="far", deadlines={"connect": 0.5}))["ssh"]
    finally:
        silent.close()
    assert "no answer in time" in said


def test_a_host_that_falls_silent_in_the_middle_of_the_login_is_given_up_in_time(site: Site, lab: Lab) -> None:
    with lab.relay(site.host) as relay:
        relay.stall()
        name = site.host.relayed_name
        said = within(10, "pre-flight", lambda: site.checks(ssh_host=name, deadlines={"connect": 0.5}))["ssh"]
    assert "no answer in time" in said


def test_an_sshd_that_forwards_no_ports_is_told_before_anything_is_changed(
    make_site: Callable[..., Site], host: Host
) -> None:
    host.write("/etc/ssh/sshd_config.d/strict.conf", "AllowTcpForwarding no\n")
    host.run("systemctl reload ssh")
    site = make_site(host)
    said = site.checks()["health check"]
    assert said.startswith(f"sshd does not allow port forwarding at {site.health_url}; ")
    check, site.health_check = site.health_check, HealthCheck(command=f"curl --silent --fail {site.health_url}")
    assert site.checks() == {}
    site.deploy("v1")
    assert site.serves("v1")
    assert site.health().healthy
    host.run(said.partition("on the host: ")[2])
    site.health_check = check
    assert site.checks() == {}


@pytest.mark.parametrize("version", ["v2", "v3"], ids=["works", "is rolled back"])
def test_a_deployment_is_one_login_and_at_most_three_commands(
    make_site: Callable[..., Site], host: Host, version: str
) -> None:
    site = make_site(host)
    site.deploy("v1")
    before = host.sshd_log()
    done = site.fraisier("deploy", "FRAISE", "ENV", "--version", version)
    assert done.returncode == (0 if version == "v2" else 8)
    since = host.sshd_log().after(before)
    assert since.logins == 1
    assert since.commands <= 3
    assert since.subsystems == 0
