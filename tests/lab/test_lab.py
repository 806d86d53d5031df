"""What the lab promises of its hosts, and what each fault does."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import faults
from lab.folder import LabError
from lab.host import Host
from lab.keys import Key
from lab.lab import Lab

UNIT = "[Service]\nExecStart=/bin/sleep infinity\n"


@contextmanager
def endless_login(lab: Lab, name: str) -> Iterator[subprocess.Popen[str]]:
    """Give an ssh whose command runs on the host."""
    command = ["ssh", "-F", str(lab.ssh_config), name, "echo begun; sleep 300"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


def test_a_host_boots_until_all_its_units_run(host: Host) -> None:
    assert host.run("systemctl is-system-running") == "running\n"
    assert host.run("systemctl --failed --quiet") == ""
    assert host.run("cat /proc/1/comm") == "systemd\n"


def test_a_host_is_published_on_the_loopback_alone(shared_host: Host) -> None:
    told = json.loads(shared_host.engine.docker("inspect", shared_host.container).stdout)[0]
    assert told["NetworkSettings"]["Ports"] == {
        "22/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(shared_host.ssh_port)}]
    }
    assert told["HostConfig"]["Privileged"] is False


def test_the_key_of_the_lab_opens_a_host_and_another_key_does_not(
    lab: Lab, shared_host: Host, tmp_path: Path
) -> None:
    assert shared_host.ssh("id -un").stdout == "deploy\n"
    other = Key.new(tmp_path / "other")
    options = ["-o", f"IdentityFile={other.path}", "-o", f"UserKnownHostsFile={lab.known_hosts}"]
    options += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-p", str(shared_host.ssh_port)]
    refused = subprocess.run(
        ["ssh", "-F", "none", *options, "deploy@127.0.0.1", "true"], capture_output=True, text=True, timeout=30
    )
    assert refused.returncode == 255
    assert "Permission denied (publickey" in refused.stderr


def test_hosts_have_keys_of_their_own_and_reach_one_another_by_name(lab: Lab) -> None:
    with lab.hosts(2) as [first, second]:
        assert first.host_key != second.host_key
        jump = ["-J", first.name, "-o", f"HostName={second.name}", "-o", "Port=22"]
        line = ["ssh", "-F", str(lab.ssh_config), *jump, second.name, "hostname"]
        assert subprocess.run(line, capture_output=True, text=True, timeout=30).stdout == f"{second.name}\n"


def test_a_host_clones_what_was_pushed_from_here(lab: Lab, shared_host: Host) -> None:
    repository = lab.git.create("cloned")
    commit = repository.commit("v1", {"service.py": "print(1)\n"})
    assert (
        shared_host.ssh(f"git clone --quiet {repository.url} && git -C cloned rev-parse v1").stdout
        == f"{commit}\n"
    )


def test_git_can_refuse_and_be_silent_and_serve_again(lab: Lab, shared_host: Host) -> None:
    repository = lab.git.create("unreachable")
    repository.commit("v1")
    with lab.git.refusing():
        assert "Connection refused" in shared_host.ssh(f"git ls-remote {repository.url}").stderr
    with lab.git.silent():
        assert shared_host.ssh(f"timeout 0.5 git ls-remote {repository.url}").returncode == 124
    assert shared_host.ssh(f"git ls-remote {repository.url} v1").returncode == 0


@pytest.mark.parametrize("verb", ["reset-failed", "restart", "reload", "reload-or-restart"])
def test_the_sudo_rules_allow_a_verb_for_the_unit_word_for_word(shared_host: Host, verb: str) -> None:
    host, unit = shared_host, f"to_{verb}.service"
    host.install_unit(unit, UNIT.replace("[Service]", "[Service]\nExecReload=/bin/true"))
    host.run(f"systemctl start {unit}")
    assert not host.succeeds(f"sudo -n systemctl {verb} {unit}", user="deploy")
    host.allow_systemctl(unit)
    assert host.succeeds(f"sudo -n systemctl {verb} {unit}", user="deploy")
    assert not host.succeeds(f"sudo -n systemctl stop {unit}", user="deploy")
    assert not host.succeeds(f"sudo -n systemctl {verb} ssh.service", user="deploy")
    assert not host.succeeds(f"sudo -n systemctl {verb} {unit} ssh.service", user="deploy")
    assert not host.succeeds(f"sudo -n systemctl --force {verb} {unit}", user="deploy")


def test_the_user_who_deploys_reads_the_journal_and_runs_units_of_their_own(shared_host: Host) -> None:
    shared_host.install_unit("my_api.service", "[Service]\nExecStart=/bin/echo spoken\n")
    shared_host.run("systemctl start --wait my_api.service && journalctl --sync")
    assert "spoken" in shared_host.journal("my_api.service")
    assert "spoken" in shared_host.ssh("journalctl --quiet --output=cat --unit=my_api.service").stdout
    shared_host.install_unit("mine.service", UNIT, user="deploy")
    assert (
        shared_host.ssh(
            "systemctl --user start mine.service && systemctl --user is-active mine.service"
        ).returncode
        == 0
    )


def test_a_bare_account_can_log_in_and_has_nothing_else(lab: Lab, shared_host: Host) -> None:
    repository = lab.git.create("not_for_bare")
    shared_host.add_account("bare")
    assert shared_host.ssh("id -un", user="bare").stdout == "bare\n"
    assert shared_host.ssh("sudo -n -l", user="bare").returncode != 0
    assert "Host key verification failed" in shared_host.ssh(f"git ls-remote {repository.url}", user="bare").stderr
    assert shared_host.ssh("journalctl --quiet --unit=ssh.service", user="bare").stdout == ""
    assert not shared_host.succeeds("test -e /var/lib/systemd/linger/bare")


def test_the_log_of_sshd_counts_logins_and_commands(lab: Lab, host: Host, tmp_path: Path) -> None:
    host.ssh("true")
    before = host.sshd_log()
    assert (before.logins, before.commands) == (1, 1)
    shared = ["-o", f"ControlPath={tmp_path / 'shared'}", "-o", "ControlMaster=auto", "-o", "ControlPersist=60"]
    line = ["ssh", "-F", str(lab.ssh_config), *shared]
    try:
        for _ in range(3):
            subprocess.run([*line, host.name, "true"], stdin=subprocess.DEVNULL, timeout=30, check=True)
    finally:
        subprocess.run([*line, "-O", "exit", host.name], stderr=subprocess.DEVNULL, timeout=30)
    since = host.sshd_log().after(before)
    assert (since.logins, since.commands, since.subsystems) == (1, 3, 0)


def test_a_relayed_host_is_as_far_away_as_asked_for(lab: Lab, shared_host: Host) -> None:
    with lab.relay(shared_host, delay=0.02) as relay:
        started = time.monotonic()
        told = shared_host.ssh("echo there", relayed=True)
        assert told.stdout == "there\n"
        # A login takes some five round trips of 40 ms at the very least.
        assert time.monotonic() - started >= 0.2
        assert relay.connections == 1


def test_a_cut_ends_the_client(lab: Lab, host: Host) -> None:
    with lab.relay(host) as relay, endless_login(lab, host.relayed_name) as client:
        relay.cut()
        assert client.wait(timeout=20) == 255


def test_killing_the_sessions_of_sshd_ends_the_client_and_not_sshd(lab: Lab, host: Host) -> None:
    with endless_login(lab, host.name) as client:
        faults.kill_ssh_sessions(host)
        assert client.wait(timeout=20) == 255
    assert host.ssh("true").returncode == 0


def test_a_full_disk_takes_nothing_more_until_it_is_freed(shared_host: Host) -> None:
    with faults.small_disk(shared_host, "/srv/app", megabytes=8) as disk:
        assert shared_host.ssh("echo text > /srv/app/before").returncode == 0
        disk.fill()
        assert "No space left on device" in shared_host.ssh("echo text > /srv/app/more").stderr
        disk.free()
        assert shared_host.ssh("echo text > /srv/app/more && cat /srv/app/before").stdout == "text\n"
    assert shared_host.run("ls /srv/app") == ""


@pytest.mark.parametrize("hard", [False, True], ids=["shut down", "power cut"])
def test_a_rebooted_host_comes_back_at_the_same_port_with_its_disk_and_enabled_units(
    host: Host, hard: bool
) -> None:
    host.install_unit("my_api.service", UNIT + "[Install]\nWantedBy=multi-user.target\n")
    host.install_unit("idle.service", UNIT)
    host.run(
        "systemctl enable --quiet my_api.service && systemctl start my_api.service idle.service && touch /run/was"
    )
    host.ssh("echo text > kept && sync")
    faults.reboot(host, hard=hard)
    assert host.ssh("cat kept").stdout == "text\n"
    assert host.run("systemctl is-active my_api.service") == "active\n"
    assert not host.succeeds("systemctl is-active idle.service")
    assert not host.succeeds("test -e /run/was")


def test_a_host_whose_boot_fails_says_which_unit(host: Host) -> None:
    host.install_unit("bad.service", "[Service]\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n")
    host.run("systemctl enable --quiet bad.service")
    with pytest.raises(LabError, match=r"booted with failed units: bad\.service"):
        faults.reboot(host)
