"""The service's log: what is told when it ends, or when one of several hosts does not tell it."""

from __future__ import annotations

from collections.abc import Callable

from fraisier_bare_metal.logs import _timed
from lab.host import Host
from lab.lab import Lab

from .site import Site, eventually


def test_to_follow_ends_with_an_error_when_the_journal_does(site: Site) -> None:
    site.deploy("v1")
    assert site.serves("v1")
    # In brackets, so that it does not find itself.
    follow = f"[j]ournalctl .*{site.unit}.* -f"
    with site.running("logs", "FRAISE", "ENV", "-f") as process:
        eventually(lambda: site.host.succeeds(f"pgrep --full '{follow}'"))
        site.host.run(f"pkill --full '{follow}'")
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 6, said
    assert f"fraisier: the script 'log' on {site.host.name} ended with exit code 143; " in said


def test_to_follow_several_hosts_goes_on_when_one_is_away(
    make_site: Callable[..., Site], shared_host: Host, lab: Lab
) -> None:
    with lab.host() as away:
        site = make_site(shared_host, away)
        site.deploy("v1")
        with away.refusing():
            one_is_away(site, shared_host, away)


def one_is_away(site: Site, here: Host, away: Host) -> None:
    with site.running("logs", "FRAISE", "ENV", "-f", "-n", "1") as process:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        assert f"{away.name} | cannot reach " in said
        assert f"{here.name} | " in said
        here.run(f"systemctl restart {site.unit}")
        assert process.stdout.readline().startswith(f"{here.name} | ")
        process.send_signal(2)
        process.communicate(timeout=30)


def test_a_journal_that_cannot_be_read_is_an_error(make_site: Callable[..., Site], host: Host) -> None:
    site = make_site(host)
    site.deploy("v1")
    host.write("/usr/local/bin/journalctl", "#!/bin/sh\necho No such file >&2\nexit 1\n", mode="755")
    said = site.fraisier("logs", "FRAISE", "ENV")
    assert said.returncode == 6
    assert said.stdout == ""
    assert f"the journal of {host.name} cannot be read" in said.stderr
    assert "No such file" in said.stderr


def test_lines_of_hosts_in_several_time_zones_are_in_the_order_of_their_times() -> None:
    east = ["2026-11-30T12:30:00+0200 half past ten", "    and more of it", "2026-11-30T13:00:00+0200 eleven"]
    west = ["2026-11-30T10:45:00+0000 a quarter to eleven"]
    told = sorted([*_timed(east), *_timed(west)], key=lambda each: each[0])
    assert [line for _, line in told] == [east[0], east[1], west[0], east[2]]
