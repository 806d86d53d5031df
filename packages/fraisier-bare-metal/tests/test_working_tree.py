"""The layout `in_place`: what of a working tree is left alone, and what is put in order after a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import faults
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .service import SERVICE
from .site import Site, eventually, reach


@pytest.fixture
def in_place(make_site: Callable[..., Site], shared_host: Host, new_repository: Repository) -> Site:
    """A site with v1 in a working tree."""
    site = make_site(shared_host, layout="in_place", repository=new_repository)
    site.deploy("v1")
    return site


@pytest.fixture
def slow_checkout(make_site: Callable[..., Site], host: Host, lab: Lab) -> Site:
    """A site with v1 in a working tree, where the check-out of v2 stops for a while before its last file."""
    repository = lab.git.create(f"slow_{host.name}")
    repository.commit("v1", {"service.py": SERVICE, "changed": "one", ".gitattributes": "slow filter=slow\n"})
    repository.commit("v2", {"changed": "two", "added": "two", "slow": "two"})
    site = make_site(host, layout="in_place", repository=repository)
    site.deploy("v1")
    host.ssh("git config --global filter.slow.smudge 'sleep 5; cat'")
    return site


def half_way(site: Site, disturb: Callable[[], object]) -> None:
    """Deploy v2, and do something while the tree is neither v1 nor v2."""
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "switch")
        eventually(lambda: site.host.succeeds(f"test -s {site.app_path}/added"))
        assert not site.host.succeeds(f"test -e {site.app_path}/slow")
        disturb()
        process.communicate(timeout=60)
        assert process.returncode != 0


def test_a_working_tree_that_a_power_cut_left_between_two_versions_is_put_in_order(slow_checkout: Site) -> None:
    site, host = slow_checkout, slow_checkout.host
    host.run(f"systemctl enable --quiet {site.unit}")
    half_way(site, lambda: faults.reboot(host, hard=True))
    assert host.run(f"cat {site.app_path}/changed") == "two"
    host.ssh("rm ~/.gitconfig")
    again = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert again.returncode == 0, again.stderr
    assert site.serves("v2")
    assert host.run(f"cd {site.app_path} && cat changed added slow") == "twotwotwo"
    assert host.ssh(f"git -C {site.app_path} status --porcelain").stdout == ""


def test_what_somebody_has_changed_since_a_power_cut_is_refused(slow_checkout: Site) -> None:
    site, host = slow_checkout, slow_checkout.host
    half_way(site, lambda: faults.reboot(host, hard=True))
    host.ssh(f"echo mine >{site.app_path}/changed; rm ~/.gitconfig")
    refused = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2")
    assert refused.returncode == 6
    assert f"there are local changes in {site.app_path}" in refused.stderr
    assert host.run(f"cat {site.app_path}/changed") == "mine\n"


def test_a_check_out_whose_client_is_gone_is_taken_back_with_all_its_files(slow_checkout: Site) -> None:
    site, host = slow_checkout, slow_checkout.host
    half_way(site, lambda: faults.kill_ssh_sessions(host))
    the_end = f"flock --nonblock {site.app_path}/.fraisier/lock true"
    eventually(lambda: host.succeeds(the_end))
    assert host.run(f"cd {site.app_path} && cat changed && ls added slow 2>/dev/null || true") == "one"
    assert host.ssh(f"git -C {site.app_path} status --porcelain").stdout == ""
    assert site.serves("v1")


def test_a_working_tree_with_local_changes_is_refused_and_left_as_it_is(in_place: Site) -> None:
    in_place.repository.commit("v2")
    path = f"{in_place.app_path}/service.py"
    in_place.host.run(f"echo '# mended at night' >>{path}", user="deploy")
    before = in_place.host.run(f"cat {path}")
    said = in_place.checks()["app_path"]
    assert said.startswith(f"local changes in {in_place.app_path}: M service.py; on the host: git -C ")
    error = in_place.failure(in_place.deploy, "v2")
    assert error.message.startswith(f"there are local changes in {in_place.app_path}:  M service.py")
    assert in_place.host.run(f"cat {path}") == before
    assert in_place.serves("v1")
    in_place.host.run(f"git -C {in_place.app_path} checkout --quiet service.py", user="deploy")
    assert in_place.deploy("v2").changed


def test_files_that_are_not_of_the_repository_are_left_alone_and_never_written_over(in_place: Site) -> None:
    host, app_path = in_place.host, in_place.app_path
    in_place.repository.commit("v2", {"added.txt": "from the repository"})
    host.run(f"echo mine >{app_path}/mine.txt; echo mine >{app_path}/added.txt", user="deploy")
    error = in_place.failure(in_place.deploy, "v2")
    assert "added.txt" in error.message
    assert host.run(f"cat {app_path}/added.txt") == "mine\n"
    assert in_place.serves("v1")
    host.run(f"rm {app_path}/added.txt; touch {app_path}/service.py", user="deploy")
    in_place.deploy("v2")
    assert in_place.serves("v2")
    assert host.run(f"cat {app_path}/mine.txt {app_path}/added.txt") == "mine\nfrom the repository"


def test_a_folder_that_holds_something_else_is_refused(make_site: Callable[..., Site], shared_host: Host) -> None:
    site = make_site(shared_host, layout="in_place")
    site.host.run(f"echo mine >{site.app_path}/service.py", user="deploy")
    assert site.checks()["app_path"].startswith(f"{site.app_path} holds something that is no git tree; ")
    assert "is no git tree and not empty" in site.failure(site.deploy, "v1").message
    assert site.host.run(f"cat {site.app_path}/service.py") == "mine\n"


def test_a_file_that_cannot_be_replaced_leaves_the_version_before_whole(in_place: Site) -> None:
    site, host, tree = in_place, in_place.host, in_place.app_path
    site.repository.commit("v2", {"a": "two", "locked/file": "two"})
    site.repository.commit("v3", {"a": "three", "b/added": "three", "locked/file": "three"})
    before = site.deploy("v2")
    host.run(f"chown root: {tree}/locked")
    error = site.failure(site.deploy, "v3")
    assert error.message.startswith(f"{tree} cannot be switched to ")
    assert any("locked/file" in line for line in error.log)
    assert host.run(f"cd {tree} && ls && cat a locked/file") == "VERSION\na\nlocked\nservice.py\ntwotwo"
    told = host.run(f"git -C {tree} status --porcelain; git -C {tree} rev-parse HEAD", user="deploy")
    assert told == f"{before.revision}\n"
    assert site.serves("v2")
    host.run(f"chown deploy: {tree}/locked")
    assert "app_path" not in site.checks()
    site.deploy("v3")
    assert site.serves("v3")
    assert host.run(f"cd {tree} && cat a b/added locked/file") == "three" * 3


def test_tags_of_the_tree_stay_and_what_somebody_has_checked_out_there_is_not_what_is_in_service(
    in_place: Site,
) -> None:
    git = f"git -C {in_place.app_path}"
    in_place.repository.commit("v2")
    in_place.host.run(f"{git} tag mine && {git} tag v2", user="deploy")
    assert in_place.deploy("v2").changed
    in_place.host.run(f"{git} checkout --quiet mine", user="deploy")
    again = in_place.deploy("v2")
    assert again.changed
    assert in_place.serves("v2")
    assert in_place.host.run(f"{git} rev-parse HEAD; {git} tag", user="deploy") == f"{again.revision}\nmine\nv2\n"
    assert not in_place.deploy("v2").changed


def test_what_the_host_takes_back_by_itself_is_built_anew_as_the_version_before(in_place: Site) -> None:
    site, tree = in_place, in_place.app_path
    odd = "odd\"$x`'"
    site.repository.git("push", "--quiet", "origin", f"v1^{{commit}}:refs/tags/{odd}")
    site.repository.commit("v2")
    built = 'echo "$(cat VERSION) $FRAISIER_VERSION $FRAISIER_REVISION" >built'
    site.options["build"] = [built, "while grep --quiet v2 VERSION; do sleep 0.1; done"]
    before = site.deploy(odd, force=True)
    with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
        reach(process, "build")
        eventually(lambda: site.host.run(f"cat {tree}/built").startswith("v2 v2 "))
        process.kill()
    eventually(lambda: site.host.succeeds(f"flock --nonblock {tree}/.fraisier/lock true"))
    assert site.host.run(f"cat {tree}/built") == f"v1 {odd} {before.revision}\n"
    assert site.answer().split() == ["v1", odd, before.revision]


def test_local_changes_are_kept_aside_on_the_way_back(in_place: Site) -> None:
    first = in_place.deploy("v1", force=True)
    in_place.repository.commit("v2")
    in_place.deploy("v2")
    in_place.host.run(f"echo '# mended at night' >>{in_place.app_path}/service.py", user="deploy")
    in_place.rollback(first)
    assert in_place.serves("v1")
    assert "+# mended at night" in in_place.host.run(f"cat {in_place.app_path}/.fraisier/local-changes-*.patch")


def test_the_tree_s_own_command_for_ssh_stays_in_force(in_place: Site) -> None:
    asked, own = f"{in_place.app_path}.asked", f"{in_place.app_path}.ssh"
    in_place.host.write(own, f'#!/bin/sh\necho asked >>{asked}\nexec ssh "$@"\n', mode="755")
    in_place.host.run(f"install -o deploy /dev/null {asked}")
    in_place.host.run(f"git -C {in_place.app_path} config core.sshCommand {own}", user="deploy")
    assert in_place.checks() == {}
    in_place.repository.commit("v2")
    in_place.deploy("v2")
    assert in_place.host.run(f"cat {asked}") == "asked\nasked\n"


def test_what_somebody_has_checked_out_by_hand_is_told_and_gone_back_from(in_place: Site) -> None:
    in_place.repository.commit("v2")
    strange = str(in_place.deploy("v2").revision)
    first = in_place.deploy("v1")
    in_place.host.run(f"git -C {in_place.app_path} checkout --quiet --detach {strange}", user="deploy")
    in_place.host.run(f"systemctl restart {in_place.unit}")
    assert in_place.status().details["drift"] == f"{strange[:7]} is checked out"
    assert in_place.rollback(first).revision == first.revision
    assert in_place.serves("v1")
    assert "drift" not in in_place.status().details
