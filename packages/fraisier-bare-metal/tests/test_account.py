"""The account on the host: what its shell says and sets is its own, and no part of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from lab.host import Host

from .site import Site, numbers


@pytest.fixture
def chatty(make_site: Callable[..., Site], shared_host: Host) -> Iterator[Site]:
    """A site whose account greets, without ending the line, and lets nobody else read what it makes."""
    file = "/home/deploy/.bashrc"
    shared_host.run(f"cp {file} {file}.before && sed -i '1i echo WELCOME; printf NOISE; umask 077' {file}")
    try:
        yield make_site(shared_host)
    finally:
        shared_host.run(f"mv {file}.before {file}")


def test_what_a_login_says_and_its_umask_are_left_outside(chatty: Site) -> None:
    assert "NOISE077" in chatty.host.ssh("umask").stdout.replace("0077", "077")
    with chatty.session():
        chatty.deploy("v1", build=["mkdir built"], shared=["uploads"])
        assert chatty.checks() == {}
        assert chatty.serves("v1")
    said = [*chatty.progress.lines, *chatty.log()]
    assert any(line.endswith("serving v1") for line in said)
    assert not [line for line in said if "WELCOME" in line or "NOISE" in line]
    assert "NOISE" not in "".join(chatty.log(1))
    folders = chatty.host.run(f"find {chatty.app_path} -type d ! -path '*.git/*' -printf '%m %P\\n'").splitlines()
    assert len(folders) > 6
    assert [folder for folder in folders if not folder.startswith("755 ")] == []


@pytest.fixture
def own(make_site: Callable[..., Site], shared_host: Host) -> Site:
    """A site with an account of its own."""
    site = make_site(shared_host)
    site.options["ssh_user"] = f"account{next(numbers)}"
    shared_host.add_account(site.options["ssh_user"])
    return site


def test_a_login_that_ends_before_anything_was_done_is_tried_once_more(own: Site) -> None:
    account, before = own.options["ssh_user"], own.host.sshd_log()
    once = "[ -e ~/once ] || { touch ~/once; kill -9 $PPID; }"
    own.host.run(f"sed -i '1i {once}' /home/{account}/.bashrc")
    assert own.status().state == "stopped"
    assert own.host.sshd_log().after(before).logins == 2


def test_what_an_account_says_that_is_not_available_is_told(own: Site) -> None:
    before = own.host.sshd_log()
    own.host.run(f"usermod --shell /usr/sbin/nologin {own.options['ssh_user']}")
    said = own.checks()["ssh"]
    assert " was lost: This account is currently not available.; look with: ssh -p " in said
    assert own.host.sshd_log().after(before).logins == 1
