"""Checks that do not pass say what is wrong, and print what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab.host import Host
from lab.keys import Key

from .mending import apply
from .site import Site, numbers

GREETING = "Authorized use only. Everything is written down."


@pytest.fixture
def bare(make_site: Callable[..., Site], shared_host: Host) -> Site:
    """A site with an account that can log in, and nothing else."""
    site = make_site(shared_host, set_up=False)
    site.options["ssh_user"] = f"account{next(numbers)}"
    shared_host.add_account(site.options["ssh_user"])
    return site


@pytest.fixture
def greeted(bare: Site, tmp_path: Path) -> Site:
    """A site whose repository is on a server that greets, and whose key is not the one that the account knows."""
    host, account = bare.host, bare.options["ssh_user"]
    host.write("/etc/issue.net", f"{GREETING}\n")
    host.write(f"/etc/ssh/sshd_config.d/{account}.conf", f"Match User {account}\n  Banner /etc/issue.net\n")
    host.run("systemctl reload ssh")
    other = Key.new(tmp_path / "other").public
    host.write(f"/home/{account}/.ssh/known_hosts", f"localhost {other}\n", owner=account, mode="600")
    bare.options["git_repo"] = f"{account}@localhost:/srv/{bare.name}.git"
    return bare


def test_what_git_s_server_says_is_told_apart_from_what_it_greets_with(greeted: Site) -> None:
    host, account, repository = greeted.host, greeted.options["ssh_user"], greeted.options["git_repo"]
    with greeted.session():
        changed = greeted.checks()["repository"]
        assert f"{repository} cannot be read from the host: the host key of its server has changed; " in changed
        apply(greeted, changed)
        denied = greeted.checks()["repository"]
        assert f"cannot be read from the host: {account}@localhost: Permission denied (" in denied
        host.run(f"cat >>/home/{account}/.ssh/authorized_keys", stdin=apply(greeted, denied))
        missing = greeted.checks()["repository"]
        assert f"from the host: fatal: '/srv/{greeted.name}.git' does not appear to be a git " in missing
        assert missing.endswith(f"; on the host, as {account}: git ls-remote {repository}")
        host.run(f"git clone --quiet --mirror {greeted.repository.url} /tmp/{greeted.name}", user="deploy")
        host.run(f"mv /tmp/{greeted.name} /srv/{greeted.name}.git; chown -R {account}: /srv/{greeted.name}.git")
        assert "repository" not in greeted.checks()


def test_the_folder_is_given_to_the_account_and_to_its_own_group(bare: Site) -> None:
    bare.host.run(f"usermod -g users {bare.options['ssh_user']}; groupdel {bare.options['ssh_user']}")
    apply(bare, bare.checks()["app_path"])
    assert "app_path" not in bare.checks()


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_what_somebody_else_has_left_in_the_folder_is_found_and_mended_with_one_command(
    make_site: Callable[..., Site], shared_host: Host, layout: str
) -> None:
    site = make_site(shared_host, layout=layout)
    with site.session():
        site.deploy("v1")
        mirror = f"{site.app_path}/{'repo.git' if layout == 'releases' else '.git'}"
        shared_host.run(f"chown -R root: {site.app_path}/.fraisier {mirror}")
        said = site.checks()["app_path"]
        assert said.startswith(f"{site.app_path}/.fraisier is not writable for deploy; on the host: ")
        apply(site, said)
        assert site.checks() == {}
        site.deploy("v2")
    assert site.serves("v2")


def test_what_a_host_lacks_comes_with_the_packages_that_have_it(
    make_site: Callable[..., Site], host: Host
) -> None:
    site = make_site(host)
    host.run("mv /usr/bin/sudo /usr/bin/flock /root")
    failed = site.checks()
    assert failed["programs"] == ("flock, sudo not found; on the host, as root: apt-get install sudo util-linux")
    assert "sudo" not in failed
    host.run("mv /root/sudo /root/flock /usr/bin")
    assert site.checks() == {}
    host.write("/usr/local/bin/git", "#!/bin/sh\necho git version 2.25.1.windows\n", mode="755")
    assert site.checks()["programs"] == "git 2.25.1 is too old; install git 2.30 or newer on the host"


def test_a_unit_that_is_masked_is_unmasked(bare: Site) -> None:
    bare.host.run(f"systemctl mask --quiet {bare.unit}")
    said = bare.checks()["unit"]
    assert said.startswith(f"{bare.unit} is masked; ")
    apply(bare, said)
    assert bare.checks()["unit"].startswith(f"{bare.unit} is not-found; ")


def test_a_unit_that_cannot_be_reloaded_is_found_before_it_is_to_be(site: Site) -> None:
    site.options["restart"] = "reload"
    assert site.checks()["unit"].startswith(f"{site.unit} cannot be reloaded; set ExecReload= in the unit, or ")
    reload = site.unit_text().replace("Restart=", "ExecReload=/bin/true\nRestart=")
    site.host.install_unit(site.unit, reload)
    assert site.checks() == {}


def test_a_lock_that_cannot_be_written_comes_with_what_shows_why(site: Site) -> None:
    site.deploy("v1")
    lock = f"{site.app_path}/.fraisier/lock"
    site.host.run(f"chown root: {lock}")
    error = site.failure(site.deploy, "v2")
    assert error.message == f"{lock} cannot be written on {site.host.name}"
    assert error.hint is not None
    folder, file = apply(site, error.hint).splitlines()
    assert (folder.split()[2], file.split()[2], file.split()[-1]) == ("deploy", "root", lock)


def test_a_service_that_was_renamed_keeps_its_releases_and_one_of_another_name_is_kept_out(site: Site) -> None:
    before, old = site.deploy("v1"), site.name
    site.name = f"{old}.renamed"
    said = site.checks()["app_path"]
    owner = f"{old}:test"
    assert said.startswith(f"{site.app_path} belongs to {owner}; set another app_path; if {owner} was renamed, ")
    apply(site, said)
    assert site.checks() == {}
    known = site.status().release
    assert known is not None
    assert known.revision == before.revision


def test_a_name_that_is_none_of_ours_is_not_part_of_a_command(site: Site) -> None:
    site.deploy("v1")
    odd = "x/e:test"
    site.host.run(f"sed -i 's,{site.name}:test,{odd},' {site.app_path}/.fraisier/ledger.jsonl")
    assert site.checks()["app_path"] == f"{site.app_path} belongs to {odd}; set another app_path"
