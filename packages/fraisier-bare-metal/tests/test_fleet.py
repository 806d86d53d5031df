"""Several hosts: prepared everywhere, published in batches, taken back together, told apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fraisier import HealthCheck, TargetChangedError, read_options
from fraisier_bare_metal import deployment
from fraisier_bare_metal import host as provider
from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.options import Options
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .site import Site, eventually


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[list[Host]]:
    with lab.hosts(5) as hosts:
        yield hosts


@pytest.fixture
def fleet(make_site: Callable[..., Site], hosts: list[Host]) -> Site:
    return make_site(*hosts)


def versions(site: Site) -> list[str]:
    return [site.answer("/", host).split()[0] for host in site.hosts]


def test_every_host_gets_the_same_commit_in_one_login_and_one_command_each(fleet: Site) -> None:
    before = [host.sshd_log() for host in fleet.hosts]
    done = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1", "--json")
    assert done.returncode == 0, done.stderr
    assert versions(fleet) == ["v1"] * 5
    seen = [host.sshd_log().after(earlier) for host, earlier in zip(fleet.hosts, before, strict=True)]
    assert [(each.logins, each.commands) for each in seen] == [(1, 1)] * 5
    told = json.loads(done.stdout)
    assert told["details"]["hosts"] == [host.name for host in fleet.hosts]
    revision = told["revision"]
    assert {fleet.ledger(host)[-1]["revision"] for host in fleet.hosts} == {revision}


def test_where_a_branch_moves_between_two_fetches_every_host_gets_the_commit_that_the_first_one_saw(
    fleet: Site, new_repository: Repository, lab: Lab
) -> None:
    moved = lab.git.create(f"{fleet.name}_moved")
    for repository in (new_repository, moved):
        repository.git("fetch", "--quiet", fleet.repository.url, "v1")
        repository.git("push", "--quiet", "--force", "origin", "FETCH_HEAD:refs/heads/main")
    moved.git("fetch", "--quiet", fleet.repository.url, "v2")
    moved.git("push", "--quiet", "origin", "FETCH_HEAD:refs/heads/main")
    # The second host sees the branch as it is a moment later.
    fleet.hosts[1].ssh(f"git config --global url.{moved.url}.insteadOf {new_repository.url}")
    fleet.options |= {"git_repo": new_repository.url, "branch": "main"}
    try:
        done = fleet.deploy()
    finally:
        fleet.hosts[1].ssh("rm ~/.gitconfig")
    assert [fleet.ledger(host)[-1]["revision"] for host in fleet.hosts] == [done.revision] * 5
    assert versions(fleet) == ["v1"] * 5
    assert fleet.hosts[1].run(f"cat {fleet.app_path}/current/VERSION") == "v1\n"


def test_a_release_that_a_host_has_already_is_never_written_over(
    fleet: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = "20260101T000000Z"
    monkeypatch.setattr(deployment, "_stamp", lambda: stamp)
    there = f"{fleet.app_path}/releases/{stamp}-{fleet.repository.git('rev-parse', '--short=7', 'v1')}"
    fleet.hosts[1].run(f"mkdir -p {there} && touch {there}/mark && chown -R deploy {fleet.app_path}")
    error = fleet.failure(fleet.deploy, "v1")
    assert error.message == f"there is a release {Path(there).name} already on {fleet.hosts[1].name}"
    assert fleet.hosts[1].run(f"ls {there}") == "mark\n"


def test_what_is_wrong_on_every_host_is_told_once(fleet: Site) -> None:
    failed = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v99")
    assert failed.returncode == 6
    assert f'no tag, branch or commit "v99" in {fleet.repository.url} on all 5 hosts' in failed.stderr
    assert failed.stderr.count("no tag, branch") == 1


def test_steps_are_those_of_the_fleet_and_lines_name_the_host(fleet: Site) -> None:
    fleet.options["build"] = ["echo built"]
    done = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    assert "prepare on 5 hosts: ok" in done.stderr
    assert "publish on 5 hosts: ok" in done.stderr
    for host in fleet.hosts:
        assert f"  | {host.name} | built" in done.stderr


def test_a_host_whose_build_fails_leaves_all_as_they_were(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    fleet.options["build"] = [f"test $(hostname) != {fleet.hosts[3].name}"]
    failed = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 6, failed.stderr
    assert f"on {fleet.hosts[3].name}" in failed.stderr
    assert versions(fleet) == ["v1"] * 5


def test_when_a_batch_fails_every_host_goes_back_and_the_last_ones_were_never_touched(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    last = fleet.hosts[4]
    before = len(fleet.ledger(last))
    # Two at a time: the fourth host is in the second batch.
    fleet.options["batch"] = 2
    fleet.hosts[3].install_unit(
        fleet.unit, fleet.unit_text().replace("ExecStart=", "ExecStartPre=/bin/grep -q v1 VERSION\nExecStart=")
    )
    failed = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 8, failed.stderr
    assert fleet.hosts[3].name in failed.stderr
    assert "publish on 2 hosts: ok" in failed.stderr
    for host in fleet.hosts[:3]:
        assert f"  {host.name}: published\n" in failed.stderr
    assert f"  {last.name}: not touched\n" in failed.stderr
    assert versions(fleet) == ["v1"] * 5
    assert len(fleet.ledger(last)) == before
    assert json.loads(fleet.fraisier("status", "--json").stdout)[0]["version"] == "v1"


def test_when_a_host_dies_all_the_others_go_back(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    dying = fleet.hosts[2]
    slowly = fleet.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 30\nExecStart=")
    dying.install_unit(fleet.unit, slowly)
    with fleet.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        eventually(lambda: dying.run(f"systemctl is-active {fleet.unit} || true").strip() == "activating")
        dying.stop(hard=True)
        said, _ = process.communicate(timeout=120)
    try:
        assert process.returncode == 9, said
        assert f"  {dying.name}: cannot reach " in said
        others = [host for host in fleet.hosts if host is not dying]
        for host in others:
            assert f"  {host.name}: v1 is in service\n" in said
            assert fleet.serves("v1", host)
    finally:
        dying.start()
    dying.install_unit(fleet.unit, fleet.unit_text())
    again = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stderr
    assert versions(fleet) == ["v2"] * 5


def only_v2_starts(site: Site, host: Host) -> None:
    starts = "ExecStartPre=/bin/grep -q v2 VERSION\nExecStart="
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", starts))


def test_a_host_that_cannot_go_back_keeps_no_other_from_leaving_what_never_worked(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    # Without its health.
    fleet.deploy("v2")
    fleet.options["batch"] = 1
    stuck = fleet.hosts[1]
    only_v2_starts(fleet, stuck)
    error = fleet.failure(fleet.rollback, fleet.status().earlier[0])
    assert error.problems[0] == f"{fleet.host.name}: v1 is in service"
    assert error.problems[1].startswith(f"{stuck.name}: systemctl restart {fleet.unit} ended with exit code 1")
    assert [fleet.serves("v1", host) for host in fleet.hosts if host is not stuck] == [True] * 4


def test_a_rollback_from_what_works_stops_at_the_first_host_that_cannot(fleet: Site) -> None:
    for version in ("v1", "v2"):
        fleet.fraisier("deploy", "FRAISE", "ENV", "--version", version)
    fleet.options["batch"] = 1
    last = fleet.hosts[4]
    before = len(fleet.ledger(last))
    only_v2_starts(fleet, fleet.hosts[1])
    failed = fleet.fraisier("rollback", "FRAISE", "ENV")
    assert failed.returncode == 9, failed.stderr
    assert " is back in service" in failed.stderr
    # That was how it was before it was put back.
    assert "not touched" not in failed.stderr
    assert versions(fleet) == ["v2"] * 5
    assert len(fleet.ledger(last)) == before
    with last.refusing():
        away = fleet.fraisier("rollback", "FRAISE", "ENV")
    assert away.returncode == 9
    assert f"  {fleet.host.name}: not touched\n" in away.stderr
    assert f"  {last.name}: cannot reach " in away.stderr
    assert versions(fleet) == ["v2"] * 5


def test_what_some_hosts_got_is_taken_back_though_one_host_had_failed_before(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    fleet.options["batch"] = 1
    third = fleet.hosts[2]
    stop = f"ExecStartPre=/usr/bin/test ! -e /run/{fleet.name}\nExecStart="
    third.install_unit(fleet.unit, fleet.unit_text().replace("ExecStart=", stop))
    third.run(f"touch /run/{fleet.name}; systemctl restart {fleet.unit} || true")
    eventually(lambda: "failed" in third.run(f"systemctl show {fleet.unit} -p ActiveState"))
    third.run(f"rm /run/{fleet.name}")
    assert fleet.status().state == "failed"
    failed = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v3")
    assert failed.returncode == 8, failed.stderr
    assert f"{fleet.hosts[0].name} is not healthy" in failed.stderr
    assert versions(fleet) == ["v1"] * 5
    assert (fleet.status().state, fleet.status().details.get("mixed")) == ("running", None)


def test_who_waits_for_a_host_keeps_only_those_before_it(fleet: Site) -> None:
    first, second, third = fleet.hosts[:3]
    fleet.options["ssh_hosts"] = [host.name for host in fleet.hosts[:3]]
    fleet.deploy("v1")
    lock, bob = f"{fleet.app_path}/.fraisier/lock", f"{fleet.name}-bob"
    second.run(f"echo bob@ci for d-x >{lock}.holder; systemd-run --quiet --unit={bob} flock {lock} sleep 600")
    eventually(lambda: not second.succeeds(f"flock --nonblock {lock} true"))
    with fleet.running("deploy", "FRAISE", "ENV", "--version", "v2", "--wait-lock", "5m") as process:
        assert process.stdout is not None
        assert any(f"{second.name} is being deployed to by bob@ci" in line for line in process.stdout)
        # Bob may wait for the third one: it is his between two tries of ours.
        eventually(lambda: third.succeeds(f"flock --nonblock {lock} true"))
        assert not first.succeeds(f"flock --nonblock {lock} true")
        second.run(f"systemctl stop {bob}")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert [fleet.answer("/", host).split()[0] for host in fleet.hosts[:3]] == ["v2"] * 3


def test_status_tells_each_host_and_when_they_do_not_agree(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    fleet.options["ssh_hosts"] = [host.name for host in fleet.hosts[:2]]
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    fleet.options["ssh_hosts"] = [host.name for host in fleet.hosts]
    told = json.loads(fleet.fraisier("status", "--json").stdout)[0]
    assert told["version"] == "v1"
    assert told["details"]["mixed"] == "the hosts do not have the same release"
    assert told["details"][fleet.hosts[0].name].startswith("v2 (")
    assert told["details"][fleet.hosts[4].name].startswith("v1 (")
    again = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stderr
    assert versions(fleet) == ["v2"] * 5


def test_the_same_again_is_unchanged_only_when_every_host_has_it(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    same = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1", "--json")
    assert json.loads(same.stdout)["status"] == "unchanged"
    fleet.hosts[2].run(f"systemctl stop {fleet.unit}")
    again = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1", "--json")
    assert json.loads(again.stdout)["status"] == "success"
    assert versions(fleet) == ["v1"] * 5


def test_of_many_unhealthy_hosts_some_are_told_and_the_others_counted(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    fleet.health_check = HealthCheck(url="http://127.0.0.1:1/")
    said = fleet.fraisier("health", "FRAISE", "ENV").stdout
    refused = "connection refused at http://127.0.0.1:1/"
    assert "; ".join(f"{host.name}: {refused}" for host in fleet.hosts[:3]) in said
    assert "; and 2 more of 5 hosts" in said
    assert fleet.hosts[3].name not in said


def test_a_rollback_goes_back_everywhere(fleet: Site) -> None:
    for version in ("v1", "v2"):
        fleet.fraisier("deploy", "FRAISE", "ENV", "--version", version)
    back = fleet.fraisier("rollback", "FRAISE", "ENV")
    assert back.returncode == 0, back.stderr
    assert versions(fleet) == ["v1"] * 5


def test_a_host_that_cannot_be_reached_stops_all_before_anything_is_touched(fleet: Site, lab: Lab) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    with lab.relay(fleet.hosts[1]) as relay:
        relay.refuse()
        fleet.options["ssh_hosts"] = [fleet.hosts[0].name, fleet.hosts[1].relayed_name, fleet.hosts[2].name]
        failed = fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert failed.returncode == 5
    assert f"{fleet.hosts[1].relayed_name}: ssh: cannot reach" in failed.stderr
    assert versions(fleet) == ["v1"] * 5


def test_logs_of_several_hosts_are_merged_with_the_host_before_each_line(fleet: Site) -> None:
    fleet.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    said = fleet.fraisier("logs", "FRAISE", "ENV", "-n", "200").stdout.splitlines()
    for host in fleet.hosts:
        assert any(line.startswith(f"{host.name} | ") and line.endswith("serving v1") for line in said)
    assert len(fleet.fraisier("logs", "FRAISE", "ENV", "-n", "3").stdout.splitlines()) == 3


@pytest.mark.slow
def test_twenty_hosts_work_with_the_defaults_of_sshd(make_site: Callable[..., Site], lab: Lab) -> None:
    with lab.hosts(20) as many:
        site = make_site(*many)
        site.options["max_parallel"] = 20
        done = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
        assert done.returncode == 0, done.stderr
        assert versions(site) == ["v1"] * 20


def test_a_host_whose_name_can_be_none_hides_no_other(fleet: Site) -> None:
    fleet.options["ssh_hosts"] = [fleet.host.name, "prod..example.com"]
    told = json.loads(fleet.fraisier("status", "--json").stdout)[0]
    assert told["details"][fleet.host.name].startswith("nothing, inactive ")
    assert told["details"]["prod..example.com"].startswith("cannot reach ")


def test_of_an_error_of_ours_on_one_host_the_others_know_nothing(fleet: Site) -> None:
    done = []

    def work(host: provider.Host) -> None:
        if host.name == fleet.host.name:
            raise ZeroDivisionError
        time.sleep(0.2)
        done.append(host.shell.alive)

    with fleet.target() as target:
        those = Fleet(target, read_options(target, Options))
        with pytest.raises(ZeroDivisionError):
            those.on_each(those.hosts, work)
    assert done == [True] * 4


def test_hosts_that_have_all_changed_meanwhile_are_looked_at_again(fleet: Site) -> None:
    def work(host: provider.Host) -> None:
        raise TargetChangedError(f"another deployment has ended meanwhile on {host.name}")

    with fleet.target() as target:
        those = Fleet(target, read_options(target, Options))
        with pytest.raises(TargetChangedError, match="another deployment has ended meanwhile on all 5 hosts"):
            those.on_each(those.hosts, work)


def test_a_host_that_is_away_hides_no_other(fleet: Site) -> None:
    fleet.deploy("v1")
    away = fleet.hosts[1]
    with away.refusing():
        told = json.loads(fleet.fraisier("status", "--json").stdout)[0]
        assert (told["state"], told["version"]) == ("unknown", "v1")
        assert told["details"][away.name].startswith("cannot reach ")
        assert told["details"][fleet.host.name].startswith("v1 (")
        logs = fleet.fraisier("logs", "FRAISE", "ENV")
        assert logs.returncode == 6
        assert f"{fleet.host.name} | " in logs.stdout
        assert "cannot reach " in logs.stderr
