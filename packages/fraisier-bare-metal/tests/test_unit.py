"""What systemd says of a unit, read with the clock of the host."""

from __future__ import annotations

import pytest
from fraisier import HealthCheck
from fraisier_bare_metal.unit import Unit

ACTIVE = ["LoadState=loaded", "ActiveState=active", "SubState=running"]


def entered(seconds: int, uptime: str) -> Unit:
    """Return a unit that became active so many seconds after its machine was booted."""
    return Unit.of([*ACTIVE, f"ActiveEnterTimestampMonotonic={seconds * 1_000_000}"], uptime)


def test_a_unit_is_as_old_as_the_two_clocks_tell() -> None:
    assert entered(100, "105.5").age == 5.5
    # The one is read a moment before the other.
    assert entered(100, "99.98").age == 0.0


@pytest.mark.parametrize("active", ["active", "inactive"])
def test_a_unit_that_systemd_is_about_to_change_is_waited_for(active: str) -> None:
    unit = Unit.of(["LoadState=loaded", f"ActiveState={active}", "SubState=dead", "Job=123"], "105.5")
    found = unit.unfit("my_api.service", HealthCheck(tcp="127.0.0.1:80"))
    assert found is not None
    assert (unit.state, found.healthy, found.final) == ("deploying", False, False)


@pytest.mark.parametrize(("seconds", "uptime"), [(900_000, "5000.12"), (100, ""), (0, "105.5")])
def test_where_the_clocks_do_not_tell_a_unit_has_no_age_and_is_not_watched_for_ever(
    seconds: int, uptime: str
) -> None:
    # In a container, /proc/uptime may be the container's own.
    unit = entered(seconds, uptime)
    assert (unit.age, unit.since) == (None, None)
    assert unit.unfit("my_api.service", None) is None
