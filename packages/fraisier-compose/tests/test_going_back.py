"""Going back: to the digest that was recorded, whatever has become of its tag and of the registry."""

from __future__ import annotations

import shutil

import pytest
from fraisier import Release

from .conftest import Site


def test_a_rollback_needs_no_registry_and_no_tag(site: Site) -> None:
    first = site.deploy("v1")
    site.deploy("v2")
    site.push("v1", site.services.web("v1 moved"))
    with site.registry.stopped():
        back = site.rollback(first)
    assert (back.version, back.revision) == ("v1", site.digests["v1"])
    assert site.answer() == "v1"


def test_a_rollback_needs_no_file_of_ours_and_no_history(site: Site) -> None:
    site.deploy("v1")
    site.deploy("v2")
    shutil.rmtree(site.folder / ".fraisier")
    told = site.status()
    assert [each.version for each in told.earlier] == ["v1"]
    site.rollback(told.earlier[0])
    assert site.answer() == "v1"
    assert site.status().earlier == []


def test_the_command_goes_back_on_a_machine_that_has_never_deployed(site: Site) -> None:
    for version in ("v1", "v2"):
        site.deploy(version)
    shutil.rmtree(site.folder / ".fraisier")
    done = site.fraisier("rollback", "FRAISE", "ENV")
    assert done.returncode == 0, done.stderr
    assert site.answer() == "v1"


def test_kept_images_outlive_a_prune(site: Site) -> None:
    first = site.deploy("v1")
    # The tag moves, and nothing but ours holds the image.
    site.push("v1", site.services.web("v1 moved"))
    site.deploy("v1")
    site.docker("image", "prune", "--force")
    with site.registry.stopped():
        site.rollback(first)
    assert site.answer() == "v1"


def test_an_image_that_was_removed_is_pulled_again_by_its_digest(site: Site) -> None:
    first = site.deploy("v1")
    site.push("v1", site.services.web("v1 moved"))
    site.deploy("v2")
    site.docker("image", "prune", "--all", "--force")
    assert site.rollback(first).revision == site.digests["v1"]
    assert site.answer() == "v1"


def test_no_more_images_are_kept_than_asked_for(site: Site) -> None:
    versions = ["w1", "w2", "w3", "w4"]
    done = {}
    for version in versions:
        site.push(version)
        done[version] = site.deploy(version, keep_images=2)
    here = site.docker("image", "ls", "--format", "{{.Tag}}", site.repository).split()
    assert [version for version in versions if version in here] == ["w3", "w4"]
    assert sum(tag.startswith("fraisier-") for tag in here) == 2
    assert [each.version for each in site.status().earlier] == ["w3"]
    with site.registry.stopped():
        error = site.failure(site.rollback, done["w1"])
    assert "cannot be reached" in error.message
    assert site.answer() == "w4"


def test_going_back_twice_goes_further_back(site: Site) -> None:
    site.push("v3")
    for version in ("v1", "v2", "v3"):
        site.deploy(version)
    for version in ("v2", "v1"):
        site.rollback(site.status().earlier[0])
        assert site.answer() == version


def test_going_back_to_what_is_in_service_changes_nothing(site: Site) -> None:
    first = site.deploy("v1")
    since = site.status().since
    assert not site.rollback(first).changed
    assert site.status().since == since


def test_what_failed_is_no_release_to_go_back_to(site: Site) -> None:
    site.deploy("v1")
    site.push("v3", site.services.exiting("v3"))
    site.failure(site.deploy, "v3")
    site.deploy("v2")
    assert [each.version for each in site.status().earlier] == ["v1"]


def test_a_digest_alone_is_enough_for_a_single_service(site: Site) -> None:
    site.deploy("v2")
    site.rollback(Release(version="v1", revision=site.digests["v1"]))
    assert site.answer() == "v1"


@pytest.mark.parametrize(
    "release",
    [
        Release(),
        Release(version="v1"),
        Release(version="v1", revision="0" * 40),
        Release(version="v1", revision=f"sha256:{'0' * 64}", details={"images": {"web": "nginx:latest"}}),
        Release(
            version="v1", revision=f"sha256:{'0' * 64}", details={"images": {"other": f"a@sha256:{'0' * 64}"}}
        ),
        Release(version="v1", revision=f"sha256:{'1' * 64}", details={"images": {"web": f"a@sha256:{'0' * 64}"}}),
        Release(version="v1", revision=f"sha256:{'1' * 64}", details={"images": {"web": 3}}),
        Release(version="v1", revision=f"sha256:{'1' * 64}", details={"images": "web"}),
    ],
)
def test_a_record_that_is_none_of_ours_is_refused(site: Site, release: Release) -> None:
    site.deploy("v2")
    assert "no release of web is recorded as" in site.failure(site.rollback, release).message
    assert site.answer() == "v2"


def test_data_in_a_volume_stay(site: Site) -> None:
    site.web["volumes"] = ["data:/data"]
    site.file["volumes"] = {"data": {}}
    first = site.deploy("v1")
    site.docker("exec", f"{site.name}-web-1", "sh", "-c", "echo kept > /data/kept")
    site.deploy("v2")
    site.rollback(first)
    assert site.docker("exec", f"{site.name}-web-1", "cat", "/data/kept") == "kept"
