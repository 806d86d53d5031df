"""What is cut off or kept out on the host itself: nothing half done is put in service, nor taken for done."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import read_options
from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.result import Result
from lab.host import Host
from lab.repository import Repository

from .site import Site, eventually, reach


def test_a_script_that_is_killed_on_the_host_fails_and_what_it_had_made_is_not_put_in_service(site: Site) -> None:
    first = site.deploy("v1")
    # The shell that runs the script is the parent of the `timeout` that runs the line.
    site.options["build"] = ["kill -9 $(cut -d' ' -f4 /proc/$PPID/stat)", "touch built"]
    error = site.failure(site.deploy, "v2")
    assert error.message == f"the script 'resolve prepare publish' on {site.host.name} ended with exit code 137"
    assert error.log[-2].startswith("$ kill -9 ")
    assert error.log[-1] == "Killed"
    assert site.host.run(f"readlink {site.app_path}/current") == f"releases/{first.details['release']}\n"
    assert [each["version"] for each in site.ledger()] == ["v1"]
    del site.options["build"]
    second = site.deploy("v2")
    assert site.serves("v2")
    assert set(site.releases()) == {first.details["release"], second.details["release"]}


def test_what_a_power_cut_has_left_keeps_nothing_out_and_is_not_taken_for_done(
    make_site: Callable[..., Site], shared_host: Host, new_repository: Repository
) -> None:
    site = make_site(shared_host, repository=new_repository)
    site.deploy("v1")
    new_repository.commit("v2")
    locks = f"{site.app_path}/repo.git/packed-refs.lock {site.app_path}/repo.git/refs/remotes/fraisier/main.lock"
    process = f"systemctl show {site.unit} -p MainPID"
    before = site.host.run(process)
    pending = f"{site.app_path}/.fraisier/pending"
    site.host.run(f"touch {locks}; echo 20260101T000000Z-0000000 >{pending}", user="deploy")
    # Switched perhaps, and perhaps not restarted.
    assert site.deploy("v1").changed
    assert site.host.run(process) != before
    assert not site.host.succeeds(f"ls {locks}")
    assert not site.deploy("v1").changed


@pytest.mark.parametrize(
    ("layout", "spoil", "mend"),
    [
        ("releases", "chown root: {0}", "chown deploy: {0}"),
        ("in_place", "mv {0} {0}.old && mkdir {0}", "rmdir {0} && mv {0}.old {0}"),
    ],
)
def test_a_ledger_that_cannot_be_written_stops_a_deployment_before_the_switch_and_no_way_back(
    make_site: Callable[..., Site], shared_host: Host, layout: str, spoil: str, mend: str
) -> None:
    site = make_site(shared_host, layout=layout)
    ledger = f"{site.app_path}/.fraisier/ledger.jsonl"
    with site.session():
        first, _ = site.deploy("v1"), site.deploy("v2")
        site.host.run(spoil.format(ledger))
        error = site.failure(site.deploy, "v1")
        assert error.message == f"{ledger} cannot be written to on {site.host.name}"
        assert site.serves("v2")
        site.rollback(first)
        assert site.serves("v1")
        site.host.run(mend.format(ledger))
        assert not site.deploy("v1").changed


def test_what_is_killed_while_a_service_starts_slowly_leaves_the_lock_to_the_next_one(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    slowly = site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 5\nExecStart=")
    site.deploy("v1")
    host.install_unit(site.unit, slowly)
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "restart")
        # From here on it is sudo, whose own child is root's, that waits for the service.
        eventually(lambda: host.run(f"systemctl is-active {site.unit} || true").strip() == "activating")
        process.kill()
    again = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stderr
    assert site.serves("v2")
    events = [each["event"] for each in site.ledger()]
    assert events == ["started", "started", "rolled_back", "started", "succeeded"]


def test_a_host_that_takes_a_release_back_keeps_the_lock_until_systemd_knows(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    site.deploy("v1")
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 4\nExecStart="))
    # So there is time for another client to take the process that is still there for the one that is to come.
    host.write("/usr/local/bin/sudo", '#!/bin/sh\nsleep 0.3\nexec /usr/bin/sudo "$@"\n', mode="755")
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "restart")
        process.kill()
    told = host.run(
        f"until flock --nonblock {site.app_path}/.fraisier/lock true; do sleep 0.02; done"
        f"; systemctl show {site.unit} -p ActiveState,Job"
    )
    assert "\nJob=0" not in f"\n{told}"
    assert re.search(r"^Job=[1-9]|^ActiveState=(?!active)", told, re.MULTILINE), told
    assert site.status().state == "deploying"
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2").returncode == 0
    assert site.serves("v2")


def test_whoever_has_no_history_goes_back_to_what_was_healthy_and_not_to_what_was_cut_off(
    make_site: Callable[..., Site], host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = make_site(host)
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    # Without its health, as from a client that was killed then.
    site.deploy("v2")
    monkeypatch.setenv("FRAISIER_DATABASE", str(tmp_path / "another.db"))
    told = json.loads(site.fraisier("status", "--json").stdout)[0]
    assert told["version"] == "v2"
    assert told["details"]["unproven"] == "it was not found healthy when it was deployed"
    failed = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v3")
    assert failed.returncode == 8, failed.stderr
    assert "rolled back to v1" in failed.stderr
    assert site.serves("v1")
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2").returncode == 0
    assert "unproven" not in json.loads(site.fraisier("status", "--json").stdout)[0]["details"]
    # Deploying what is there, and is healthy, records that too.
    site.deploy("v1")
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    assert [each["event"] for each in site.ledger()][-2:] == ["started", "succeeded"]


def test_a_rollback_whose_client_is_killed_is_gone_on_with(make_site: Callable[..., Site], host: Host) -> None:
    site = make_site(host)
    for version in ("v1", "v2"):
        assert site.fraisier("deploy", "FRAISE", "ENV", "--version", version).returncode == 0
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 2\nExecStart="))
    with site.running("rollback", "FRAISE", "ENV") as process:
        reach(process, "restart")
        process.kill()
    assert site.serves("v1")
    told = json.loads(site.fraisier("status", "--json").stdout)[0]
    assert (told["state"], told["version"]) == ("running", "v1")


def test_what_was_told_to_stop_is_taken_back_before_anything_else_is_done(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    site.deploy("v1")
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 2\nExecStart="))
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "restart")
        process.send_signal(signal.SIGINT)
        # What core does after that is entered, too, and may be sooner than the next look.
        eventually(lambda: [each["event"] for each in site.ledger()][2:3] == ["rolled_back"])
        process.kill()
    assert site.serves("v1")


def test_what_is_killed_leaves_no_build_running(site: Site) -> None:
    site.deploy("v1")
    site.options["build"] = ["sleep 300; :"]
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "build")
        eventually(lambda: site.host.succeeds("pgrep --full '[s]leep 300'"))
        process.kill()
    eventually(lambda: not site.host.succeeds("pgrep --full '[s]leep 300'"))


def test_whoever_has_waited_for_another_machine_goes_back_to_what_that_one_has_deployed(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.deploy("v1")
    site.options["build"] = [f"until rm {site.app_path}/go; do sleep 0.1; done 2>/dev/null"]
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as first:
        reach(first, "build")
        del site.options["build"]
        monkeypatch.setenv("FRAISIER_DATABASE", str(tmp_path / "another.db"))
        with site.running("deploy", "FRAISE", "ENV", "--version", "v3", "--wait-lock", "60s") as second:
            assert second.stdout is not None
            next(line for line in second.stdout if "waiting: " in line)
            site.host.run(f"touch {site.app_path}/go")
            said, _ = second.communicate(timeout=60)
        assert first.wait(timeout=60) == 0
    assert second.returncode == 8, said
    assert "rolled back to v2" in said
    assert site.serves("v2")


def test_the_last_lines_of_a_log_are_the_last_ones_also_where_it_has_a_beginning(site: Site) -> None:
    site.deploy("v1")
    site.deploy("v2")
    assert site.serves("v2")
    eventually(lambda: "serving v2" in site.fraisier("logs", "FRAISE", "ENV", "-n", "1").stdout)
    assert "serving v2" in site.fraisier("logs", "FRAISE", "ENV", "-n", "1", "--since", "1h").stdout


def test_a_rollback_does_not_replace_what_somebody_else_has_deployed_meanwhile(site: Site) -> None:
    first, _ = site.deploy("v1"), site.deploy("v2")
    with site.session(), site.target() as target:
        host = Fleet(target, read_options(target, Options)).hosts[0]
        look = host.in_service

        def late(*, fresh: bool) -> Result:
            found = look(fresh=fresh)
            own, site._session = site._session, None
            site.deploy("v1", force=True)
            site._session = own
            return found

        host.in_service = late  # type: ignore[method-assign]
        assert site.failure(site.rollback, first).message.startswith("another deployment has ended meanwhile on ")


def test_a_link_that_leads_elsewhere_is_left_alone_when_a_publish_is_cut_off(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    site.deploy("v1")
    host.run(f"cp -r {site.app_path}/current/ /srv/hotfix; ln -sfn /srv/hotfix {site.app_path}/current")
    host.install_unit(site.unit, site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 2\nExecStart="))
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "restart")
        eventually(lambda: host.run(f"systemctl is-active {site.unit} || true").strip() == "activating")
        process.kill()
    assert site.serves("v2")


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_what_a_release_consists_of_is_on_the_disk_before_it_goes_in_service(
    make_site: Callable[..., Site], host: Host, layout: str
) -> None:
    site = make_site(host, layout=layout)
    site.deploy("v1")
    log, unit = f"/tmp/{site.name}.log", f"systemctl show {site.unit} -p MainPID --value"
    host.write(
        "/usr/local/bin/sync",
        f'#!/bin/sh\necho "$*, $({unit}), $(readlink {site.app_path}/current)" >>{log}\nexec /usr/bin/sync "$@"\n',
        mode="755",
    )
    process, release = host.run(unit).strip(), host.run(f"readlink {site.app_path}/current || true").strip()
    site.deploy("v2")
    assert f"-f {site.app_path}, {process}, {release}" in host.run(f"cat {log}").splitlines()
