"""The keys of hosts: unknown or changed ones are refused, with the fingerprint and the way out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from fraisier_bare_metal.host_keys import KnownHosts
from lab.keys import Key
from lab.lab import Lab
from paramiko import SSHClient

from .site import Site
from .ssh_setup import configure, fingerprint, here


def command_in(said: str) -> str:
    """Return the command that a message ends with."""
    return re.split(r": (?=ssh-)", said)[-1]


def shell(command: str) -> None:
    subprocess.run(command, shell=True, check=True, capture_output=True, timeout=30)


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


def test_a_file_of_known_hosts_is_read_once_for_all_hosts_and_each_gets_its_own_keys(tmp_path: Path) -> None:
    keys = {name: Key.new(tmp_path / name) for name in ("one", "two")}
    file = tmp_path / "known_hosts"
    file.write_text(f"one {keys['one'].public}\n[two]:2222 {keys['two'].public}\n")
    known = KnownHosts()
    trusted = []
    for name, port in (("one", 22), ("two", 2222), ("two", 22)):
        client = SSHClient()
        known.trust(client, name, port, [file])
        file.unlink(missing_ok=True)
        trusted.append(sorted(client.get_host_keys()))
    assert trusted == [["one"], ["[two]:2222"], []]


def test_lines_of_known_hosts_that_mean_something_else_are_passed_over(
    site: Site, lab: Lab, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    odd = ["@cert-authority *.example.com ssh-rsa AAAAB3NzaC1yc2E", "nonsense", "host ssh-rsa !!!", "|1|x|y z w"]
    known.write_text("\n".join(odd) + "\n" + lab.known_hosts.read_text())
    assert site.checks(known_hosts_path=str(known)) == {}
