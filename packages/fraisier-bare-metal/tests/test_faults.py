"""What goes wrong in the middle: afterwards the old or the new version answers, and the next deploy succeeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from fraisier import TargetError, read_options
from fraisier_bare_metal import lock, script
from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.options import Options
from lab import faults
from lab.host import Host
from lab.lab import Lab
from lab.relay import Relay

from .site import Site, eventually, reach

STEPS = ["pre-flight", "fetch", "export", "build", "switch", "restart", "health"]
SLOW_START = "ExecStartPre=/bin/sleep 0.5\n"


def history(site: Site) -> list[tuple[str, str]]:
    """Return version and status of every attempt, newest first."""
    told = json.loads(site.fraisier("history", "--json").stdout)
    return [(each["version"], each["status"]) for each in told]


def one_version_answers(site: Site) -> str:
    """Return the only version that the host serves: no mixture of two."""
    own, told, _ = site.answer().split()
    assert own == told
    assert own in ("v1", "v2")
    return own


def all_is_well_again(site: Site, *outcomes: str) -> None:
    """Hold a site after a fault to what has to be true, and deploy to it once more."""
    one_version_answers(site)
    assert history(site)[0] in [("v2", outcome) for outcome in outcomes]
    again = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert site.serves("v2")
    assert json.loads(site.fraisier("status", "--json").stdout)[0]["version"] == "v2"
    assert "running" not in [status for _, status in history(site)]


def the_host_is_done(site: Site) -> None:
    """Wait until a host without its client has ended what it had begun; it holds the lock as long."""
    eventually(lambda: site.host.succeeds(f"flock --nonblock {site.app_path}/.fraisier/lock true"))


@pytest.fixture
def slow(make_site: Callable[..., Site], host: Host) -> Site:
    """A site with v1 in service, where building and starting take long enough to be disturbed."""
    site = make_site(host)
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", f"{SLOW_START}ExecStart="))
    host.run(f"systemctl enable --quiet {site.unit}")
    site.options["build"] = ["sleep 0.5"]
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    return site


@contextmanager
def relayed(lab: Lab, site: Site) -> Iterator[Relay]:
    """Lead the site's connections through a relay that can be cut."""
    with lab.relay(site.host) as relay:
        direct, site.options["ssh_host"] = site.options["ssh_host"], site.host.relayed_name
        try:
            yield relay
        finally:
            site.options["ssh_host"] = direct


@pytest.mark.parametrize("step", STEPS)
def test_the_client_is_killed(slow: Site, step: str) -> None:
    with slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        process.kill()
    all_is_well_again(slow, "interrupted")


@pytest.mark.parametrize("step", STEPS)
def test_the_connection_is_cut(lab: Lab, slow: Site, step: str) -> None:
    with relayed(lab, slow) as relay, slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        relay.cut()
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 5, 6, 8), said
        assert process.returncode == 0 or "was lost" in said or "cannot" in said
    all_is_well_again(slow, "success", "failed", "rolled_back")


def test_a_probe_whose_connection_is_cut_tells_of_the_connection(lab: Lab, site: Site) -> None:
    with relayed(lab, site) as relay, site.target() as target, ThreadPoolExecutor(1) as pool:
        login = Fleet(target, read_options(target, Options)).hosts[0].login
        relay.stall()
        asked = pool.submit(login.connect, "127.0.0.1", site.port, 30)
        eventually(asked.running)
        relay.cut()
        with pytest.raises(OSError, match=f"the connection to {login.address} was lost"):
            asked.result(timeout=30)


def test_a_host_that_has_not_heard_of_the_cut_is_not_looked_at_before_it_has_given_up(
    lab: Lab, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when a firewall on the way is restarted. The host waits for a minute and more; here for less.
    monkeypatch.setattr(script, "_WATCH", 0.5)
    monkeypatch.setattr(lock, "_HEARTBEAT", 0.2)
    site.deploy("v1")
    begun = f"{site.app_path}/begun"
    site.options["build"] = [f"touch {begun}", "sleep 4"]
    with relayed(lab, site) as relay, site.session(), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(site.deploy, "v2")
        eventually(lambda: site.host.succeeds(f"test -e {begun}"))
        relay.forget()
        with pytest.raises(TargetError, match="was lost"):
            asked.result(timeout=30)
        found = site.status()
        assert found.release is not None
        assert found.release.version == "v1"
        assert not site.host.succeeds("pgrep --full '[s]leep 4'")
    assert [each["version"] for each in site.ledger()] == ["v1"]


@pytest.mark.parametrize("step", ["build", "restart"])
def test_the_host_is_out_of_reach_for_good(lab: Lab, slow: Site, step: str) -> None:
    with relayed(lab, slow) as relay, slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        relay.refuse()
        relay.cut()
        said, _ = process.communicate(timeout=90)
        assert process.returncode in (6, 9), said
    the_host_is_done(slow)
    all_is_well_again(slow, "failed")


def test_a_version_that_does_not_start_is_taken_back_by_the_host_when_its_client_is_killed(slow: Site) -> None:
    with slow.running("deploy", "FRAISE", "ENV", "--version", "v3") as process:
        reach(process, "restart")
        process.kill()
    the_host_is_done(slow)
    again = slow.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert slow.serves("v2")


@pytest.mark.parametrize("step", ["build", "restart"])
def test_sshd_is_killed(slow: Site, step: str) -> None:
    with slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        faults.kill_ssh_sessions(slow.host)
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (6, 8), said
    all_is_well_again(slow, "failed", "rolled_back")


@pytest.mark.parametrize("step", ["build", "restart"])
def test_the_host_is_rebooted(slow: Site, step: str) -> None:
    with slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, step)
        faults.reboot(slow.host, hard=True)
        said, _ = process.communicate(timeout=90)
        assert process.returncode in (6, 8, 9), said
    all_is_well_again(slow, "failed", "rolled_back")


def test_the_disk_is_full(make_site: Callable[..., Site], host: Host) -> None:
    site = make_site(host)
    with faults.small_disk(host, site.app_path, megabytes=260) as disk:
        assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
        site.options["build"] = ["cat /dev/zero > filler"]
        failed = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
        assert failed.returncode == 6
        assert "no space left" in failed.stderr.lower()
        disk.fill()
        refused = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
        assert refused.returncode == 5
        assert "disk space: " in refused.stderr
        assert site.serves("v1")
        disk.free()
        del site.options["build"]
        all_is_well_again(site, "failed")


def test_the_repository_is_out_of_reach(lab: Lab, slow: Site) -> None:
    with lab.git.refusing():
        failed = slow.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 6
    assert f"git cannot fetch from {slow.repository.url} on {slow.host.name}" in failed.stderr
    assert "Connection refused" in failed.stderr
    assert f"provider-test {slow.name} test" in failed.stderr
    all_is_well_again(slow, "failed")


def test_the_repository_does_not_answer(lab: Lab, slow: Site) -> None:
    slow.options["deadlines"] = {"fetch": 2}
    with lab.git.silent():
        failed = slow.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 6
    assert f"no answer from {slow.repository.url} within 2 s" in failed.stderr
    all_is_well_again(slow, "failed")


def test_a_unit_that_flaps_is_rolled_back(make_site: Callable[..., Site], host: Host, lab: Lab) -> None:
    repository = lab.git.create("flapping")
    repository.commit("v1", {"service.py": "import time\nprint('up', flush=True)\ntime.sleep(600)\n"})
    repository.commit("v2", {"service.py": "import time\nprint('up', flush=True)\ntime.sleep(0.3)\n"})
    site = make_site(host, repository=repository)
    site.health_check = None
    restless = "Restart=always\nRestartSec=0.1\nStartLimitIntervalSec=0\n"
    host.install_unit(site.unit, site.unit_text().replace("Restart=on-failure\n", restless))
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    failed = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 8, failed.stderr
    assert "was restarted" in failed.stderr or "activating" in failed.stderr
    status = json.loads(site.fraisier("status", "--json").stdout)[0]
    assert (status["state"], status["version"]) == ("running", "v1")


@pytest.mark.parametrize("again", ["no", "on-failure"])
def test_what_failed_too_often_before_does_not_keep_systemd_from_starting_what_works(
    make_site: Callable[..., Site], host: Host, again: str
) -> None:
    site = make_site(host)
    limited = site.unit_text().replace("[Service]", "StartLimitIntervalSec=600\nStartLimitBurst=3\n[Service]")
    host.install_unit(site.unit, limited.replace("Restart=on-failure", f"Restart={again}\nRestartSec=0.1"))
    site.deploy("v1")
    site.deploy("v3")
    eventually(lambda: not host.succeeds(f"systemctl is-active {site.unit} >/dev/null"))
    eventually(lambda: "failed" in host.run(f"systemctl show {site.unit} -p ActiveState"))
    for _ in range(3):
        site.deploy("v2", force=True)
    assert site.serves("v2")


def test_a_release_that_a_power_cut_left_half_made_is_removed_and_a_line_that_it_cut_short_stays_alone(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    first = site.deploy("v1")
    half = "20260101T000000Z-0000000"
    host.ssh(
        f"cd {site.app_path} && mkdir releases/{half} && echo {half} >.fraisier/making && "
        "echo anything >.fraisier/pending && printf '{\"event\":' >>.fraisier/ledger.jsonl"
    )
    second = site.deploy("v2")
    releases = host.run(f"ls {site.app_path}/releases").split()
    assert set(releases) == {first.details["release"], second.details["release"]}
    lines = host.run(f"cat {site.app_path}/.fraisier/ledger.jsonl").splitlines()
    assert lines[1] == '{"event":'
    assert [json.loads(lines[number])["version"] for number in (0, 2)] == ["v1", "v2"]


def test_the_second_of_two_machines_is_told_who_is_at_work(
    slow: Site, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The first one builds until it is told to go on.
    slow.options["build"] = [f"until rm {slow.app_path}/go; do sleep 0.1; done 2>/dev/null"]
    with slow.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "build")
        # Another machine has a history of its own.
        monkeypatch.setenv("FRAISIER_DATABASE", str(tmp_path_factory.mktemp("other") / "fraisier.db"))
        second = slow.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
        assert second.returncode == 4, second.stderr
        assert "is being deployed to by" in second.stderr
        monkeypatch.delenv("FRAISIER_DATABASE")
        slow.host.run(f"touch {slow.app_path}/go")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert slow.serves("v2")
