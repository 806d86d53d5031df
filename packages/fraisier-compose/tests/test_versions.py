"""Which image a version means, and what is then in service: always an image that cannot become another one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Site


def test_a_tag_goes_in_service_by_its_digest(site: Site) -> None:
    done = site.deploy("v1")
    assert (done.version, done.revision, done.changed) == ("v1", site.digests["v1"], True)
    assert done.details["containers"] == [f"{site.name}-web-1"]
    assert site.inspect(f"{site.name}-web-1", "{{.Config.Image}}") == f"{site.repository}@{site.digests['v1']}"
    assert site.answer() == "v1"


def test_a_digest_is_a_version(site: Site) -> None:
    done = site.deploy(site.digests["v2"])
    assert (done.version, done.revision) == (site.digests["v2"], site.digests["v2"])
    assert site.answer() == "v2"


def test_without_a_version_the_file_counts(site: Site) -> None:
    assert site.deploy().version == "v1"
    (site.folder / ".env").write_text("VERSION=v2\n")
    assert site.deploy().version == "v2"


@pytest.mark.parametrize(
    ("image", "asked", "got"),
    [
        ("{0}:v1", "v2", "v2"),
        ("{0}", "v2", "v2"),
        ("{0}:${{VERSION}}", "v2", "v2"),
        ("{0}:$VERSION", "v2", "v2"),
        ("{0}:${{VERSION:?}}-plain", "v2", "v2-plain"),
        # The tag holds the version without being made of it.
        ("{0}:v2-plain", "v2", "v2"),
        ("{0}:${{VERSION:-v1}}", "{digest}", "v2"),
        ("{0}:v1", "{digest}", "v2"),
        ("{0}@{first}", "v2", "v2"),
    ],
)
def test_the_version_is_put_where_the_file_has_room_for_it(site: Site, image: str, asked: str, got: str) -> None:
    plain = site.push("v2-plain", site.services.web("v2-plain"))
    site.web["image"] = image.format(site.repository, first=site.digests["v1"])
    done = site.deploy(asked.format(digest=site.digests["v2"]))
    assert done.revision == {**site.digests, "v2-plain": plain}[got]
    assert site.answer() == got


def test_the_option_image_counts_before_the_file(site: Site) -> None:
    site.web["image"] = "not.there.example.com/nothing:${VERSION}"
    assert site.deploy("v2", image=site.repository).revision == site.digests["v2"]


def test_the_version_is_given_under_its_variable(site: Site) -> None:
    site.web["image"] = f"{site.repository}:${{RELEASE:?}}"
    site.web["environment"] = {"RELEASED": "${RELEASE}"}
    site.deploy("v1", version_variable="RELEASE")
    assert "RELEASED=v1" in site.answer("environment").splitlines()


@pytest.mark.parametrize("version", ["-v", "a b", "v1;ls", "sha256:12", "$(ls)", "v1\n", "x" * 200])
def test_what_cannot_be_a_tag_is_refused(site: Site, version: str) -> None:
    error = site.failure(site.deploy, version)
    assert "is neither an image's tag nor a digest" in error.message
    assert site.containers() == []


def test_a_file_that_needs_a_version_says_so(site: Site) -> None:
    site.web["image"] = f"{site.repository}:${{VERSION}}"
    error = site.failure(site.deploy)
    assert "without a version" in error.message
    assert "--version" in error.hint
    site.web["image"] = f"{site.repository}:${{VERSION:?name one}}"
    assert "name one" in site.failure(site.deploy).message


def test_the_same_again_does_nothing_until_the_tag_moves(site: Site) -> None:
    first = site.deploy("v1")
    since = site.status().since
    assert not site.deploy("v1").changed
    assert site.status().since == since
    site.push("v1", site.services.web("v1 anew"))
    again = site.deploy("v1")
    assert again.changed
    assert again.revision != first.revision
    assert site.answer() == "v1 anew"


def test_a_change_of_the_file_or_of_the_environment_is_put_in_service(site: Site) -> None:
    site.deploy("v1")
    site.web["environment"] = {"COLOUR": "blue"}
    assert site.deploy("v1").changed
    assert "COLOUR=blue" in site.answer("environment").splitlines()
    assert site.deploy("v1", environment={"SIZE": "3"}).changed
    assert not site.deploy("v1", environment={"SIZE": "3"}).changed


def test_missing_does_not_ask_for_a_tag_that_is_there(site: Site) -> None:
    first = site.deploy("v1", pull="missing")
    site.push("v1", site.services.web("v1 anew"))
    with site.registry.stopped():
        assert site.deploy("v1", pull="missing").revision == first.revision
    assert not site.deploy("v1", pull="missing").changed


def test_never_takes_only_what_is_there(site: Site) -> None:
    error = site.failure(site.deploy, "v1", pull="never")
    assert "is not on the engine" in error.message
    assert "docker pull" in error.hint
    site.docker("pull", f"{site.repository}:v1")
    assert site.deploy("v1", pull="never").revision == site.digests["v1"]


def test_what_no_registry_has_is_pinned_by_its_id(site: Site) -> None:
    site.docker("pull", f"{site.repository}:v1")
    site.docker("tag", f"{site.repository}:v1", f"{site.name}-local:v7")
    site.web["image"] = f"{site.name}-local:${{VERSION}}"
    done = site.deploy("v7", pull="never")
    assert done.revision == site.services.web("v1").id
    assert site.status().release is not None


def test_building_pins_the_image_by_its_id(site: Site) -> None:
    site.docker("pull", f"{site.repository}:v1")
    (site.folder / "Dockerfile").write_text(f"FROM {site.repository}:v1\nARG V\nRUN echo $V > /version\n")
    site.web["build"] = {"context": ".", "network": "none", "args": {"V": "built-${VERSION}"}}
    first = site.deploy("b1", build=True)
    image = site.inspect(f"{site.repository}:b1", "{{.Id}}")
    assert first.revision == image == site.inspect(f"{site.name}-web-1", "{{.Image}}")
    assert site.answer() == "built-b1"
    assert any("RUN echo" in line for line in site.progress.lines)
    site.deploy("b2", build=True)
    assert site.answer() == "built-b2"
    with site.registry.stopped():
        assert site.rollback(first).revision == first.revision
    assert site.answer() == "built-b1"
    assert "cannot be built" in site.failure(site.deploy, site.digests["v1"], build=True).message


def test_a_build_that_fails_shows_its_output(site: Site) -> None:
    site.deploy("v1")
    (site.folder / "Dockerfile").write_text(f"FROM {site.repository}:v1\nRUN echo before && not-a-command\n")
    site.web["build"] = {"context": ".", "network": "none"}
    error = site.failure(site.deploy, "v2", build=True)
    assert error.message.startswith("cannot build the image")
    assert "not-a-command" in "\n".join(error.log)
    assert site.answer() == "v1"


def test_services_are_deployed_together_each_with_its_own_image(site: Site) -> None:
    worker = {
        version: site.push(version, site.services.worker(version), f"{site.name}-worker")
        for version in ("v1", "v2")
    }
    site.file["services"]["worker"] = {"image": f"{site.repository}-worker:${{VERSION}}"}
    first = site.deploy("v1", service_name=["web", "worker"])
    assert first.revision not in site.digests.values()
    assert first.details["images"] == {
        "web": f"{site.repository}@{site.digests['v1']}",
        "worker": f"{site.repository}-worker@{worker['v1']}",
    }
    assert first.details["containers"] == [f"{site.name}-web-1", f"{site.name}-worker-1"]
    site.deploy("v2", service_name=["web", "worker"])
    assert site.rollback(first, service_name=["web", "worker"]).revision == first.revision
    told = site.status(service_name=["web", "worker"])
    assert told.release is not None
    assert told.release.revision == first.revision
    assert site.answer() == "v1"


def test_an_image_that_services_share_is_pulled_once(site: Site) -> None:
    site.file["services"]["second"] = {"image": f"{site.repository}:${{VERSION}}"}
    done = site.deploy("v1", service_name=["web", "second"])
    assert done.revision == site.digests["v1"]
    assert sum("Digest:" in line for line in site.progress.lines) == 1


def test_several_files_and_profiles_mean_what_they_mean_to_compose(site: Site) -> None:
    site.web["profiles"] = ["front"]
    (site.folder / "more.yaml").write_text(json.dumps({"services": {"web": {"environment": {"FROM": "more"}}}}))
    site.options["profiles"] = ["front"]
    site.deploy("v1", compose_file=["compose.yaml", "more.yaml"])
    assert "FROM=more" in site.answer("environment").splitlines()


def test_files_of_variables_are_given_to_the_file(site: Site) -> None:
    site.web["environment"] = {"COLOUR": "${COLOUR:?}"}
    (site.folder / "a.env").write_text("COLOUR=red\n")
    (site.folder / "b.env").write_text("COLOUR=green\n")
    site.deploy("v1", env_file=["a.env", "b.env"])
    assert "COLOUR=green" in site.answer("environment").splitlines()


def test_the_users_file_is_not_touched_and_the_override_has_no_secret(site: Site) -> None:
    site.options["environment"] = {"API_TOKEN": "t0ken-of-the-api"}
    site.deploy("v1")
    before = (site.folder / "compose.yaml").read_text()
    site.deploy("v2")
    assert (site.folder / "compose.yaml").read_text() == before
    files = list((site.folder / ".fraisier").rglob("*"))
    assert not [each for each in files if each.is_file() and "t0ken-of-the-api" in each.read_text()]
    override, backup = (
        site.folder / ".fraisier" / "compose" / f"{site.name}.web{end}" for end in (".yaml", ".before.yaml")
    )
    assert site.digests["v2"] in override.read_text()
    assert site.digests["v1"] in backup.read_text()
    assert (site.folder / ".fraisier" / ".gitignore").read_text() == "*\n"
    assert "API_TOKEN=t0ken-of-the-api" in site.answer("environment").splitlines()


def test_volumes_networks_and_dependencies_stay_as_the_file_says(site: Site) -> None:
    site.push("v1", site.services.database("v1"), f"{site.name}-db")
    site.file["services"]["db"] = {"image": f"{site.repository}-db:v1", "volumes": ["data:/data"]}
    site.file["volumes"] = {"data": {}}
    site.web["depends_on"] = ["db"]
    site.web["networks"] = {"default": {"aliases": ["front"]}}
    first = site.deploy("v1")
    db = site.inspect(f"{site.name}-db-1", "{{.Id}}")
    created = site.docker("exec", f"{site.name}-db-1", "cat", "/data/created")
    site.deploy("v2")
    site.rollback(first)
    assert site.inspect(f"{site.name}-db-1", "{{.Id}}") == db
    assert site.docker("exec", f"{site.name}-db-1", "cat", "/data/created") == created


def test_replicas_are_all_replaced_and_named(site: Site) -> None:
    del site.web["ports"]
    site.web["deploy"] = {"replicas": 2}
    assert site.deploy("v1").details["containers"] == [f"{site.name}-web-1", f"{site.name}-web-2"]
    # By hand, with the file of ours laid over the user's: as the manual says.
    override = site.folder / ".fraisier" / "compose" / f"{site.name}.web.yaml"
    site.compose("-f", str(override), "up", "--detach", "--no-recreate", "--scale", "web=3")
    names = [f"{site.name}-web-{number}" for number in (1, 2, 3)]
    assert site.deploy("v2").details["containers"] == names
    images = {site.inspect(each, "{{.Config.Image}}") for each in names}
    assert images == {f"{site.repository}@{site.digests['v2']}"}
    site.web["deploy"] = {"replicas": 1}
    assert len(site.deploy("v1").details["containers"]) == 1


def test_force_replaces_the_containers(site: Site) -> None:
    site.deploy("v1")
    before = site.inspect(f"{site.name}-web-1", "{{.Id}}")
    assert site.deploy("v1", force=True).changed
    assert site.inspect(f"{site.name}-web-1", "{{.Id}}") != before


def test_a_service_without_a_health_check_is_watched(site: Site) -> None:
    site.push("v5", site.services.unchecked("v5"))
    site.health_check = None
    site.deploy("v5")
    assert site.health().healthy


def test_a_job_that_exits_with_0_is_done(site: Site) -> None:
    site.push("v1", site.services.migration("v1"), f"{site.name}-migrate")
    site.file["services"]["migrate"] = {
        "image": f"{site.repository}-migrate:${{VERSION}}",
        "volumes": ["data:/data"],
    }
    site.file["volumes"] = {"data": {}}
    site.web["depends_on"] = {"migrate": {"condition": "service_completed_successfully"}}
    names = ["migrate", "web"]
    done = site.deploy("v1", service_name=names)
    assert done.details["containers"] == [f"{site.name}-migrate-1", f"{site.name}-web-1"]
    assert site.status(service_name=names).state == "running"
    assert site.health(service_name=names).healthy
    assert not site.deploy("v1", service_name=names).changed


def test_orphans_are_removed_where_that_is_asked_for(site: Site) -> None:
    site.file["services"]["old"] = {"image": f"{site.repository}:v1"}
    site.compose("up", "--detach", "old")
    del site.file["services"]["old"]
    site.deploy("v1")
    assert f"{site.name}-old-1" in site.containers()
    site.deploy("v2", remove_orphans=True)
    assert site.containers() == [f"{site.name}-web-1"]


def test_two_targets_of_one_image_keep_their_own_releases(make_site: Callable[..., Site]) -> None:
    one, other = make_site(), make_site()
    other.web["image"] = one.repository
    first = one.deploy("v1")
    other.deploy("v1")
    for version in ("w1", "w2", "w3"):
        one.push(version)
        one.deploy(version, keep_images=2)
    with one.registry.stopped():
        other.docker("rm", "--force", f"{other.name}-web-1")
        assert other.rollback(first).revision == first.revision
