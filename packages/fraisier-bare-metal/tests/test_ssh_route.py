"""The way to a host: jump hosts, proxies, deadlines where nobody answers, and how often we come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fraisier import HealthCheck, read_options
from fraisier.testing.deadline import SilentServer, within
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.ssh import match
from fraisier_bare_metal.ssh.route import route_to
from lab.host import Host
from lab.lab import Lab

from .site import Site, eventually
from .ssh_setup import configure, fingerprint, here, login_of


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


def test_a_proxy_command_is_a_line_of_the_shell_and_knows_what_the_options_say(
    home: Path, jump: Host, site: Site, lab: Lab
) -> None:
    through = f"ssh -F {lab.ssh_config} -W {site.host.name}:%p $(printf {jump.name}) 2>/dev/null"
    configure(home, here(site.host, IdentityFile=lab.key_path, Port=1, ProxyCommand=through))
    port = f"{site.host.name} {site.host.host_key}\n"
    known = home / "known"
    known.write_text(port.replace(site.host.name, "127.0.0.1"))
    assert login_of(site, ssh_host="prod", ssh_port=22, known_hosts_path=str(known))


def test_a_proxy_command_that_ends_is_told_at_once_with_what_it_said(home: Path, site: Site, lab: Lab) -> None:
    through = "echo no way through >&2"
    configure(home, here(site.host, IdentityFile=lab.key_path, ProxyCommand=through))
    said = site.checks(ssh_host="prod", deadlines={"connect": 600})["ssh"]
    where = f"deploy@127.0.0.1:{site.host.ssh_port}"
    assert said.startswith(f"cannot reach {where} by its ProxyCommand: no way through; look with: ssh -p ")


@pytest.mark.parametrize("first", ["ProxyJump none", "ProxyCommand none"])
def test_of_a_jump_host_and_a_proxy_command_the_first_one_counts(
    home: Path, site: Site, lab: Lab, first: str
) -> None:
    direct = here(site.host, IdentityFile=lab.key_path)
    configure(home, f"{direct}  {first}\nHost *\n  ProxyCommand false\n  ProxyJump nowhere.invalid\n")
    assert login_of(site, ssh_host="prod")


@pytest.mark.parametrize("spec", ["carol@127.0.0.1:{}", "ssh://carol@127.0.0.1:{}", "carol@[127.0.0.1]:{}/"])
def test_a_jump_host_may_be_given_in_full(home: Path, jump: Host, site: Site, lab: Lab, spec: str) -> None:
    jump.add_account("carol") if not jump.succeeds("id carol") else None
    more: Any = {"IdentityFile": lab.key_path, "HostName": site.host.name, "Port": 22}
    everybody = f"Host *\n  IdentityFile {lab.key_path}\n  UserKnownHostsFile {lab.known_hosts}\n  User nobody\n"
    configure(home, here(site.host, **more, ProxyJump=spec.format(jump.ssh_port)) + everybody)
    assert login_of(site, ssh_host="prod").startswith(f"deploy@{site.host.name}:22, ")


def test_a_jump_host_that_is_reached_through_itself_is_told(home: Path, site: Site) -> None:
    configure(home, f"{here(site.host)}Host *\n  ProxyJump outer\n")
    said = site.checks(ssh_host="prod")["ssh"]
    assert said.startswith("the way to outer leads in a circle through outer; ")
    assert "ProxyJump none" in said


def test_a_host_may_stand_in_a_file_that_is_included(home: Path, site: Site, lab: Lab) -> None:
    configure(home, "Include hosts/*\n")
    (home / ".ssh" / "hosts").mkdir()
    (home / ".ssh" / "hosts" / "prod").write_text(here(site.host, IdentityFile=lab.key_path))
    assert login_of(site, ssh_host="prod").startswith(f"deploy@127.0.0.1:{site.host.ssh_port}, ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('Host "prod\n', 'config, line 1: unmatched quotation mark: "prod; correct it, and try: ssh -G'),
        ("Port ssh\n", "the SSH configuration of prod cannot be used: "),
        ("CanonicalizeHostname yes\n", "the SSH configuration of prod cannot be used: "),
    ],
)
def test_an_ssh_configuration_that_makes_no_sense_is_told(home: Path, site: Site, text: str, said: str) -> None:
    configure(home, text)
    assert said in site.checks(ssh_host="prod")["ssh"]


def test_each_host_has_a_configuration_of_its_own(home: Path, site: Site) -> None:
    # Fabric makes it anew with each connection, under the hands of the other hosts' threads.
    configure(home, "Host *\n  IdentityFile ~/.ssh/prod\n")
    with site.target(ssh_hosts=["prod", "stage"], ssh_host=None) as target:
        first, second = (route_to(name, target, read_options(target, Options))[-1] for name in ("prod", "stage"))
    assert first.connection.config is not second.connection.config
    assert first.connection.ssh_config["identityfile"] == [str(home / ".ssh/prod")]


def test_what_is_set_for_fabric_is_not_meant_for_us(home: Path, site: Site) -> None:
    (home / ".fabric.yaml").write_text("port: 2222\nuser: mallory\ngateway: nowhere\n")
    configure(home, "")
    with site.target(ssh_host="prod") as target:
        hop = route_to("prod", target, read_options(target, Options))[-1]
        assert (hop.address, hop.connection.gateway) == ("deploy@prod:22", False)


def test_a_command_that_decides_about_a_section_has_a_deadline(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(match, "_SECONDS", 0.1)
    configure(home, 'Match exec "sleep 60"\n  Port 1\n')
    said = within(10, "pre-flight", lambda: site.checks(ssh_host="prod"))["ssh"]
    assert "SSH configuration of prod cannot be used: `Match exec sleep 60` had not ended after 0.1 s" in said


@pytest.mark.parametrize("options", [{"ssh_host": "prod..example.com"}, {"ssh_key_path": "~nobody-at-all/key"}])
def test_a_name_that_can_be_none_is_told_like_any_other_error(site: Site, options: dict[str, Any]) -> None:
    said = site.checks(**options)["ssh"]
    assert "cannot reach deploy@prod..example.com:22: that is no name of a host" in said or (
        "~nobody-at-all/key cannot be read: no such file or directory" in said
    )


def test_a_name_whose_lookup_takes_for_ever_is_given_up_in_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60))
    connect = {"ssh_host": "far.example.com", "deadlines": {"connect": 0.5}}
    said = within(10, "pre-flight", lambda: site.checks(**connect))["ssh"]
    ended.set()
    assert said.startswith("cannot reach deploy@far.example.com:22: no answer in time")


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


def test_an_sshd_that_forwards_no_ports_is_told_before_anything_is_changed(
    make_site: Callable[..., Site], host: Host
) -> None:
    host.write("/etc/ssh/sshd_config.d/strict.conf", "AllowTcpForwarding no\n")
    host.run("systemctl reload ssh")
    site = make_site(host)
    # sshd reads its configuration a moment after it was told to.
    said = eventually(lambda: site.checks().get("health check"))
    assert said.startswith(f"sshd does not allow port forwarding at {site.health_url}; ")
    check, site.health_check = site.health_check, HealthCheck(command=f"curl --silent --fail {site.health_url}")
    assert site.checks() == {}
    site.deploy("v1")
    assert site.serves("v1")
    assert site.health().healthy
    host.run(said.partition("on the host: ")[2])
    site.health_check = check
    eventually(lambda: site.checks() == {})
