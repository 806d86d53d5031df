"""What `status` and `health` tell, from a machine that has never deployed and at every moment of a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest
from fraisier import HealthCheck, TargetError

from .deployer import Deployer
from .standin.coolify import Coolify
from .standin.world import Application


@pytest.fixture
def application(coolify: Coolify) -> Application:
    return coolify.add_application()


@pytest.fixture
def deployer(coolify: Coolify, application: Application, tmp_path: Path) -> Deployer:
    return Deployer(coolify, application, tmp_path)


def test_what_others_have_deployed_is_told(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    row = coolify.put_in_service(application, "1.1.0")
    told = deployer.status()
    assert told.state == "running"
    assert told.release is not None
    assert (told.release.version, told.release.revision) == ("1.1.0", "ghcr.io/acme/shop-api:1.1.0")
    assert told.since == coolify.clock.moment(row.created)
    assert told.details["addresses"] == [coolify.site(application)]
    assert told.details["server"] == "web-1"


def test_what_runs_is_told_after_a_machine_died_before_it_queued(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    application.columns |= {"docker_registry_image_tag": "1.1.0", "git_commit_sha": "1.1.0"}
    told = deployer.status().release
    assert told is not None
    assert told.version == "1.0.0"


def test_a_tag_that_a_person_has_set_counts_more_than_a_label(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    application.columns["docker_registry_image_tag"] = "1.1.0"
    coolify.deploy(application)
    coolify.step(3600)
    told = deployer.status().release
    assert told is not None
    assert told.version == "1.1.0"


def test_a_failed_deployment_is_not_in_service(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    with pytest.raises(TargetError):
        deployer.deploy("nothing-like-it")
    told = deployer.status()
    assert told.release is not None
    assert (told.state, told.release.version) == ("running", "1.0.0")
    assert str(told.details["deployment"]).startswith("failed http")


def test_a_deployment_under_way_is_told(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.put_in_service(application, "1.0.0")
    coolify.pace.build = 3600
    coolify.deploy(application)
    told = deployer.status()
    assert told.state == "deploying"
    assert told.release is not None
    assert told.release.version == "1.0.0"


def test_previews_are_left_out(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.put_in_service(application, "1.0.0")
    coolify.pace.build = 3600
    preview = coolify.deploy(application)
    preview.pull_request_id = 7
    assert deployer.status().state == "running"


def test_a_status_from_before_is_no_end_until_it_had_time_to_settle(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.settle = 3600
    deployer.health_check = HealthCheck(url=coolify.site(application))
    deployer.options["settle_timeout"] = 60
    deployer.deploy("1.0.0")
    application.status = "exited:unhealthy"
    assert deployer.status().state == "deploying"
    coolify.step(120)
    assert deployer.status().state == "stopped"


@pytest.mark.parametrize("skew", [-86_400, 86_400])
def test_a_server_whose_clock_is_wrong_settles_as_well(
    coolify: Coolify, application: Application, deployer: Deployer, skew: float
) -> None:
    coolify.clock.skew = skew
    test_a_status_from_before_is_no_end_until_it_had_time_to_settle(coolify, application, deployer)


def test_a_commit_is_told_with_those_before_it(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    shas = [coolify.version_of(application, name) for name in ("1.0.0", "1.1.0")]
    for name in ("1.0.0", "1.1.0"):
        coolify.put_in_service(application, name)
    told = Deployer(coolify, application, tmp_path).status()
    assert told.release is not None
    assert (told.release.revision, [each.revision for each in told.earlier]) == (shas[1], [shas[0]])


def test_the_addresses_of_a_compose_application_are_told(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("dockercompose")
    assert Deployer(coolify, application, tmp_path).status().details["addresses"] == [coolify.site(application)]


def test_nothing_of_the_server_s_secrets_is_told(tmp_path: Path) -> None:
    with Coolify("4.1.2") as coolify:
        application = coolify.add_application()
        coolify.put_in_service(application)
        deployer = Deployer(coolify, application, tmp_path)
        assert "sentinel" not in repr((deployer.status(), deployer.checks(), deployer.health()))


@pytest.mark.parametrize(
    ("status", "checked", "healthy"),
    [
        ("running:healthy", True, True),
        ("running:unknown", False, True),
        ("running:unknown", True, False),
        ("running:unhealthy", True, False),
        ("exited:unhealthy", False, False),
        ("restarting:unknown", False, False),
    ],
)
def test_without_a_health_check_coolify_decides(
    coolify: Coolify, deployer: Deployer, application: Application, status: str, checked: bool, healthy: bool
) -> None:
    application.status = status
    application.columns["health_check_enabled"] = checked
    found = deployer.health()
    assert found.healthy == healthy
    assert status in found.detail


def test_what_answers_counts_until_coolify_knows_better(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    deployer.options["settle_timeout"] = 60
    deployer.deploy("1.0.0")
    deployer.health_check = HealthCheck(url=coolify.site(application), expect_body="1.0.0")
    application.status = "exited:unhealthy"
    found = deployer.health()
    assert found.healthy
    assert "may be from before" in found.detail
    coolify.step(120)
    application.status = "exited:unhealthy"
    found = deployer.health()
    assert not found.healthy
    assert "Coolify tells exited:unhealthy" in found.detail


def test_what_answers_is_healthy_while_coolify_itself_is_down(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    coolify.put_in_service(application)
    deployer.health_check = HealthCheck(url=coolify.site(application), probe_timeout=0.5)
    coolify.fault("*", status=502, times=None)
    found = deployer.health()
    assert found.healthy
    assert "Coolify cannot be asked: Coolify does not answer its proxy" in found.detail
    deployer.health_check = None
    with pytest.raises(TargetError):
        deployer.health()


def test_what_does_not_answer_is_not_healthy_whatever_coolify_tells(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    application.status = "running:healthy"
    deployer.health_check = HealthCheck(url=coolify.site(application))
    assert "got 503" in deployer.health().detail
    assert coolify.requests == []
