"""The keys of hosts: unknown or changed ones are refused, with the fingerprint and the way out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fraisier_bare_metal.ssh.host_keys import KnownHosts, RefusedHostKey, names_in_known_hosts
from lab.host import Host
from lab.keys import Key
from lab.lab import Lab
from paramiko import Ed25519Key, SSHClient

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
    for name, port, of in (("one", 22, "one"), ("two", 2222, "two"), ("two", 22, None)):
        trust = known.trust(names_in_known_hosts(name, port), [file])
        file.unlink(missing_ok=True)
        for other, key in keys.items():
            shown = Ed25519Key.from_private_key_file(str(key.path))
            if other == of:
                trust.missing_host_key(SSHClient(), name, shown)
            else:
                with pytest.raises(RefusedHostKey):
                    trust.missing_host_key(SSHClient(), name, shown)


def hashed(line: str) -> str:
    """Return a line of known_hosts with its name hidden, as Debian's `ssh` writes it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "known_hosts"
        file.write_text(f"{line}\n")
        shell(f"ssh-keygen -H -f {file}")
        return file.read_text().strip()


LINES = {
    "by its name": (["{name} {key}"], True),
    "by several names, in capitals": (["another,{name} {key}", "LOCALHOST {other}"], True),
    "by a pattern": (["[127.0.?.*]:* {key}"], True),
    "by a pattern with an exception": (["[127.*]:*,!{name} {key}"], False),
    "by a hidden name": (["hidden {name} {key}"], True),
    "by one of several keys of a kind": (["{name} {other}", "{name} {key}", "{name} {other}"], True),
    "by another key": (["{name} {other}"], False),
    "without the port": (["127.0.0.1 {key}"], True),
    "by another key, and without the port": (["{name} {other}", "127.0.0.1 {key}"], False),
    "by its alias only": (["alias {key}"], False),
    "as an authority": (["@cert-authority {name} {key}"], False),
    "as revoked": (["@revoked {name} {key}", "{name} {key}"], False),
    "as revoked everywhere, later": (["{name} {key}", "@revoked * {key}"], False),
    "with another key revoked": (["@revoked {name} {other}", "{name}  {key} with a comment"], True),
}


@pytest.mark.parametrize("how", LINES)
def test_a_host_is_let_in_by_the_lines_by_which_ssh_lets_it_in(
    home: Path, site: Site, lab: Lab, tmp_path: Path, how: str
) -> None:
    lines, trusted = LINES[how]
    known, other = tmp_path / "known", Key.new(tmp_path / "other")
    given = {"name": f"[127.0.0.1]:{site.host.ssh_port}", "key": site.host.host_key, "other": other.public}
    texts = (line.format(**given) for line in lines)
    known.write_text("\n".join(hashed(text[7:]) if text.startswith("hidden ") else text for text in texts) + "\n")
    more: dict[str, Any] = {"IdentityFile": lab.key_path, "UserKnownHostsFile": known}
    configure(home, here(site.host, **more))
    line = ["ssh", "-F", str(home / ".ssh" / "config"), "-o", "BatchMode=yes", "prod", "true"]
    assert (subprocess.run(line, capture_output=True, timeout=30).returncode == 0) == trusted
    assert (site.checks(ssh_host="prod") == {}) == trusted


def test_a_host_that_shows_a_revoked_key_is_refused_as_such_even_if_the_key_is_also_known(
    site: Site, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    name = f"[127.0.0.1]:{site.host.ssh_port}"
    known.write_text(f"{name} {site.host.host_key}\n@revoked * {site.host.host_key}\n")
    assert site.checks(known_hosts_path=str(known))["ssh"] == (
        f"the host key of 127.0.0.1 is revoked: ssh-ed25519 {fingerprint(site.host)}; "
        f"somebody else may have it: ask who runs the host for another one; {known} revokes it"
    )


def test_a_list_of_revoked_keys_counts_and_nobody_is_let_in_when_it_cannot_be_read(
    home: Path, site: Site, lab: Lab, tmp_path: Path
) -> None:
    revoked = tmp_path / "revoked"
    configure(home, here(site.host, IdentityFile=lab.key_path, RevokedHostKeys=revoked))
    said = site.checks(ssh_host="prod")["ssh"]
    assert said.startswith(f"RevokedHostKeys: {revoked} cannot be read: no such file or directory")
    revoked.write_text(f"{Key.new(tmp_path / 'other').public}\n")
    assert site.checks(ssh_host="prod") == {}
    revoked.write_text(f"# stolen\n{site.host.host_key}\n")
    assert "the host key of 127.0.0.1 is revoked: " in site.checks(ssh_host="prod")["ssh"]
    shell(f"ssh-keygen -kf {revoked} {tmp_path}/other.pub")
    said = site.checks(ssh_host="prod")["ssh"]
    assert said.startswith(f"RevokedHostKeys: {revoked} is no plain list of keys; ")


def test_a_host_with_an_alias_for_its_key_is_looked_up_and_mended_by_that(
    home: Path, site: Site, lab: Lab, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts.web"
    path: Any = f"{tmp_path}/known_hosts.%k"
    configure(home, here(site.host, IdentityFile=lab.key_path, UserKnownHostsFile=path, HostKeyAlias="web"))
    said = site.checks(ssh_host="prod")["ssh"]
    assert "the host key of 127.0.0.1 is not known: " in said
    shell(command_in(said))
    assert known.read_text().split()[0] == "web"
    assert site.checks(ssh_host="prod") == {}
    known.write_text(f"web {Key.new(tmp_path / 'other').public}\n")
    said = site.checks(ssh_host="prod")["ssh"]
    assert "the host key of 127.0.0.1 has changed: " in said
    shell(command_in(said))
    assert known.read_text() == ""


def test_a_host_is_asked_for_a_key_of_the_kind_by_which_it_is_known(
    make_site: Callable[..., Site], host: Host, tmp_path: Path
) -> None:
    host.write("/etc/ssh/sshd_config.d/rsa.conf", "HostKey /etc/ssh/ssh_host_rsa_key\n")
    host.run("ssh-keygen -A && systemctl reload ssh")
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{host.ssh_port} {host.run('cat /etc/ssh/ssh_host_rsa_key.pub')}")
    assert make_site(host).checks(known_hosts_path=str(known)) == {}


@pytest.mark.parametrize("nowhere", ["none", "/dev/null"])
def test_where_no_known_hosts_are_kept_the_message_says_how_to_keep_them(
    home: Path, site: Site, lab: Lab, nowhere: Any
) -> None:
    more: dict[str, Any] = {"UserKnownHostsFile": nowhere, "GlobalKnownHostsFile": "none"}
    configure(home, here(site.host, IdentityFile=lab.key_path, **more))
    said = site.checks(ssh_host="prod")["ssh"]
    assert said.endswith("your SSH configuration keeps no known hosts: set known_hosts_path")


def test_lines_of_known_hosts_that_mean_something_else_are_passed_over(
    site: Site, lab: Lab, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    odd = ["@cert-authority *.example.com ssh-rsa AAAAB3NzaC1yc2E", "nonsense", "host ssh-rsa !!!", "|1|x|y z w"]
    known.write_text("\n".join(odd) + "\n" + lab.known_hosts.read_text())
    assert site.checks(known_hosts_path=str(known)) == {}
