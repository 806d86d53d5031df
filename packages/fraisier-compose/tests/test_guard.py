"""One deployment at a time, from whichever machine; what a killed one leaves behind keeps nobody waiting long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fraisier import DeploymentLockedError, LeaseLostError, Release, Session, Target
from fraisier.testing.fakes import IntrudingProgress
from fraisier_compose import guard, hooks
from fraisier_compose.docker import Docker
from fraisier_compose.guard import Guard
from fraisier_compose.options import Options

from .conftest import Site


@pytest.fixture
def docker(site: Site) -> Iterator[Docker]:
    options = Options(compose_file="compose.yaml", service_name="web", docker_host=site.engine.url)
    docker = Docker(options, site.folder)
    yield docker
    docker.close()


@pytest.fixture
def take(site: Site, docker: Docker) -> Iterator[Callable[..., Guard]]:
    """Take the guard of the site, as somebody; all are given back."""
    taken: list[Guard] = []

    def take(user: str = "alice@laptop") -> Guard:
        with Session() as session:
            target = Target(
                fraise="my_api",
                environment="test",
                provider="docker_compose",
                options={},
                folder=Path(),
                session=session,
                user=user,
                deployment_id="d-1",
            )
        taken.append(Guard(docker, site.name, "web", target))
        return taken[-1]

    yield take
    for each in taken:
        each.close()
    # What the tests have put in the place of one.
    site.docker("rm", "--force", f"fraisier-guard.{site.name}.web", check=False)


def held_by(
    site: Site, *, machine: str = "another", pid: str = "1", started: str = "x", beat: float | None = None
) -> None:
    """Put a guard on the engine as another process would have left it."""
    labels = {"user": "bob@desk", "deployment": "d-2", "machine": machine, "pid": pid, "started": started}
    words = [word for name, value in labels.items() for word in ("--label", f"fraisier.guard.{name}={value}")]
    name = f"fraisier-guard.{site.name}.web"
    site.docker("create", "--name", name, "--network", "none", *words, guard._IMAGE, "guard")
    if beat is not None:
        sign = site.folder / "beat"
        sign.write_text((datetime.now(UTC) - timedelta(seconds=beat)).isoformat())
        site.docker("cp", str(sign), f"{name}:/beat")


def test_who_comes_second_is_told_who_came_first(take: Callable[..., Guard]) -> None:
    first = take("alice@laptop")
    with pytest.raises(
        DeploymentLockedError, match=r"is being deployed by alice@laptop since .* UTC \(deployment d-1\)"
    ):
        take("bob@desk")
    first.close()
    take("bob@desk").hold()


def test_a_holder_that_is_gone_from_this_machine_is_replaced_at_once(
    site: Site, take: Callable[..., Guard]
) -> None:
    take().close()
    held_by(site, machine=guard._machine(), pid="1", started="another start")
    take().hold()


def test_a_holder_elsewhere_is_waited_for(site: Site, take: Callable[..., Guard]) -> None:
    take().close()
    held_by(site)
    with pytest.raises(DeploymentLockedError, match="bob@desk"):
        take()


@pytest.mark.parametrize(("beat", "broken"), [(guard.LEASE + 5, True), (guard.LEASE - 20, False)])
def test_a_holder_elsewhere_is_replaced_a_lease_after_its_last_sign_of_life(
    site: Site, take: Callable[..., Guard], beat: float, broken: bool
) -> None:
    take().close()
    held_by(site, beat=beat)
    if broken:
        take().hold()
    else:
        with pytest.raises(DeploymentLockedError):
            take()


def test_signs_of_life_are_written(
    site: Site, take: Callable[..., Guard], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = take()
    held._renew()
    name = f"fraisier-guard.{site.name}.web"
    target = site.folder / "copied"
    site.docker("cp", f"{name}:/beat", str(target))
    written = datetime.fromisoformat(target.read_text())
    assert abs(datetime.now(UTC) - written) < timedelta(seconds=30)


def test_a_guard_that_was_pruned_is_taken_again(site: Site, take: Callable[..., Guard]) -> None:
    held = take()
    site.docker("rm", "--force", f"fraisier-guard.{site.name}.web")
    held._renewed -= guard.LEASE
    held.hold()
    with pytest.raises(DeploymentLockedError):
        take()


def test_who_has_slept_past_the_lease_changes_nothing_more(site: Site, take: Callable[..., Guard]) -> None:
    held = take()
    site.docker("rm", "--force", f"fraisier-guard.{site.name}.web")
    held_by(site)
    held._renewed -= guard.LEASE
    with pytest.raises(LeaseLostError, match="was taken over by somebody else"):
        held.hold()
    held.close()
    assert site.docker("ps", "--all", "--quiet", "--filter", f"name=fraisier-guard.{site.name}")


def test_a_deployment_is_refused_while_another_is_under_way_and_of_another_service_is_not(site: Site) -> None:
    site.file["services"]["other"] = {"image": f"{site.repository}:v1"}
    done: list[object] = []

    def intrude() -> None:
        if not done:
            done.append(site.failure(site.deploy, "v2"))
            done.append(site.deploy("v2", service_name="other"))

    with site.target() as target:
        hooks.deploy(target, Release(version="v1"), IntrudingProgress(intrude))
    assert isinstance(done[0], DeploymentLockedError)
    assert site.answer() == "v1"
