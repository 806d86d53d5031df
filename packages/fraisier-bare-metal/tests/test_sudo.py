"""The check of sudo says what sudo does: whether the account restarts the unit, and nobody types a password."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest
from lab.host import Host
from lab.sudoers import rules

from .mending import apply
from .site import Site, numbers

EVERYTHING = "{a} ALL=(ALL:ALL) ALL\n"
DOCUMENTED = rules("{a}", "{u}")
IN_ONE_LINE = "{a} ALL=(root) NOPASSWD: {s} reset-failed {u}, {s} restart {u}"
UNIT = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
ENOUGH = {
    "as documented, beside a rule that asks": EVERYTHING + DOCUMENTED,
    "before what asks, in one line": f"{EVERYTHING}{IN_ONE_LINE}, PASSWD: /usr/bin/id\n",
    "everything, beside a rule that asks": EVERYTHING + "{a} ALL=(ALL:ALL) NOPASSWD: ALL\n",
    "every verb": EVERYTHING + "{a} ALL=(root) NOPASSWD: {s} * {u}\n",
    "every unit": EVERYTHING + "{a} ALL=(root) NOPASSWD: {s} reset-failed *, {s} restart *\n",
    "the program": EVERYTHING + "{a} ALL=(root) NOPASSWD: {s}\n",
    "the program by its other name": EVERYTHING + "{a} ALL=(root) NOPASSWD: /bin/systemctl\n",
    "with another tag": EVERYTHING + "{a} ALL=(root) NOPASSWD:SETENV: {s}\n",
}
TOO_LITTLE = {
    "what asks": EVERYTHING,
    "another unit": EVERYTHING + "{a} ALL=(root) NOPASSWD: {s} reset-failed {u}, {s} restart other.service\n",
    "one verb": EVERYTHING + "{a} ALL=(root) NOPASSWD: {s} restart {u}\n",
    "one verb, and the other one asks": f"{EVERYTHING}{IN_ONE_LINE.replace(', ', ', PASSWD: ')}\n",
    "as another user": EVERYTHING + "{a} ALL=(deploy) NOPASSWD: ALL\n",
    "a rule that asks goes after": DOCUMENTED + EVERYTHING,
}


@pytest.fixture
def bare(make_site: Callable[..., Site], shared_host: Host) -> Site:
    """A site whose account has no rule at all, and whose unit does nothing."""
    site = make_site(shared_host, set_up=False)
    site.options["ssh_user"] = f"account{next(numbers)}"
    shared_host.add_account(site.options["ssh_user"])
    shared_host.install_unit(site.unit, UNIT)
    return site


def may(site: Site, unit: str, prepare: str = "true", stdin: str = "") -> bool:
    """Try what a deployment does."""
    tried = [f"sudo -n systemctl {verb} {shlex.quote(unit)}" for verb in ("reset-failed", "restart")]
    become = "setpriv --reuid={0} --regid={0} --init-groups".format(site.options["ssh_user"])
    said = site.host.run(f"{prepare}; {become} sh -c {shlex.quote('; '.join(tried))} 2>&1 || true", stdin=stdin)
    return re.search("password is required|not allowed", said) is None


def test_the_check_passes_where_sudo_asks_for_no_password_and_nowhere_else(bare: Site) -> None:
    write = f"install --mode 440 /dev/stdin /etc/sudoers.d/{bare.name}"
    given = {"{a}": bare.options["ssh_user"], "{u}": bare.unit, "{s}": "/usr/bin/systemctl"}
    wrong = []
    with bare.session():
        for name, rule in [*ENOUGH.items(), *TOO_LITTLE.items()]:
            text = re.sub("{.}", lambda found: given[found[0]], rule)
            assert may(bare, bare.unit, write, text) == (name in ENOUGH), f"sudo itself goes another way: {name}"
            if ("sudo" not in bare.checks()) != (name in ENOUGH):
                wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("name", ["foo\\x2dbar@1.service", "a:b.service"])
def test_the_rule_that_is_printed_works_for_odd_units_too(bare: Site, name: str) -> None:
    bare.host.write(f"/etc/systemd/system/{name}", UNIT)
    with bare.session():
        said = bare.checks(systemd_service=name)["sudo"]
        assert not may(bare, name)
        apply(bare, said)
        assert "sudo" not in bare.checks(systemd_service=name)
    assert may(bare, name)


def test_a_restart_that_takes_too_long_is_told_as_such_also_where_sudo_cannot_be_ended(site: Site) -> None:
    slowly = site.unit_text().replace("ExecStart=", "ExecStartPre=/bin/sleep 30\nExecStart=")
    site.host.install_unit(site.unit, slowly)
    error = site.failure(site.deploy, "v1", deadlines={"restart": 1})
    assert error.message == f"systemctl restart {site.unit} took longer than 1 s on {site.host.name}"
