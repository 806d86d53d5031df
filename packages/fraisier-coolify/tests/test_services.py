"""Services: a variable says the version, the ledger what was started, and Coolify tells little else."""

from __future__ import annotations

from pathlib import Path

import pytest
from fraisier import DeploymentLockedError, HealthCheck, TargetError

from .deployer import Deployer, Once, interrupt
from .standin.coolify import Coolify
from .standin.world import Service


@pytest.fixture
def service(coolify: Coolify) -> Service:
    return coolify.add_service()


@pytest.fixture
def deployer(coolify: Coolify, service: Service, tmp_path: Path) -> Deployer:
    return Deployer(coolify, service, tmp_path)


def answers(service: Service) -> str | None:
    container = service.parts[0].container
    return container.version if container else None


def value_of(service: Service, key: str) -> str | None:
    return next((each.value for each in service.variables if each.key == key), None)


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.3.11"], indirect=True)
def test_a_service_is_deployed_by_its_variable(service: Service, deployer: Deployer) -> None:
    assert deployer.deploy("1.0.0").version == "1.0.0"
    assert deployer.deploy("1.1.0").version == "1.1.0"
    assert answers(service) == "1.1.0"
    told = deployer.status()
    assert told.release is not None
    assert (told.release.version, [each.version for each in told.earlier]) == ("1.1.0", ["1.0.0"])
    assert told.since is not None


def test_the_same_again_is_nothing_to_do(coolify: Coolify, service: Service, deployer: Deployer) -> None:
    deployer.deploy("1.0.0")
    assert not deployer.deploy("1.0.0").changed
    assert len(coolify.asked("POST /deploy")) == 1


@pytest.mark.parametrize("version", ["1.0.0", "latest"])
def test_an_image_that_may_have_moved_is_pulled(
    coolify: Coolify, service: Service, deployer: Deployer, version: str
) -> None:
    registry, image = coolify.world.registry, "ghcr.io/acme/shop-stack"
    registry.push(image, version)
    deployer.deploy(version)
    moved = registry.push(image, version, content="another")
    assert deployer.deploy(version, force=version != "latest").changed
    container = service.parts[0].container
    assert container is not None
    assert f"sha256:{moved.digest}" in container.words


def test_ctrl_c_before_the_start_leaves_the_variable_as_it_was(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    coolify.fault("POST /deploy", status=429, retry_after=1)
    deployer.progress = Once("trying again in 1 s", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy("1.1.0")
    assert value_of(service, "TAG") == "1.0.0"


def test_what_was_started_is_told_when_nobody_waited_for_its_end(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    coolify.pace.build = 3600
    deployer.options["timeout"] = 0.1
    with pytest.raises(TargetError):
        deployer.deploy("1.1.0")
    told = deployer.status()
    assert told.release is not None
    assert (told.state, told.release.version) == ("deploying", "1.1.0")


def test_without_a_version_the_one_that_is_set_is_started(service: Service, deployer: Deployer) -> None:
    deployer.deploy("1.0.0")
    assert deployer.deploy().version == "1.0.0"
    assert answers(service) == "1.0.0"


@pytest.mark.parametrize("version", ["a b", "x=y", "$(touch canary)", "é", "x\n"])
def test_what_is_no_version_is_refused(service: Service, deployer: Deployer, version: str) -> None:
    with pytest.raises(TargetError, match="is no version"):
        deployer.deploy(version)
    assert service.variables == []


def test_what_others_have_started_is_told(coolify: Coolify, service: Service, deployer: Deployer) -> None:
    deployer.deploy("1.0.0")
    service.variables = [each for each in service.variables if each.key == "TAG"]
    told = deployer.status()
    assert told.release is not None
    assert (told.state, told.release.version, told.since) == ("running", "1.0.0", None)


def test_a_variable_that_was_set_and_not_started_is_not_in_service(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    next(each for each in service.variables if each.key == "TAG").value = "1.1.0"
    told = deployer.status()
    assert told.release is not None
    assert told.release.version == "1.0.0"
    assert told.details["set"] == "TAG is 1.1.0, and the service was not started with it"


def test_a_start_that_was_refused_leaves_the_variable_as_it_was(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    coolify.fault("POST /deploy", status=403)
    with pytest.raises(TargetError):
        deployer.deploy("1.1.0")
    assert value_of(service, "TAG") == "1.0.0"


def test_a_service_that_is_being_started_is_locked(coolify: Coolify, service: Service, deployer: Deployer) -> None:
    coolify.pace.build = 3600
    service.starting = True
    with pytest.raises(DeploymentLockedError, match="is being started"):
        deployer.deploy("1.1.0")
    assert not deployer.checks()["others"].passed
    assert deployer.status().state == "deploying"


def test_a_start_whose_answer_was_lost_is_not_repeated(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    coolify.pace.build = 2
    # More often, and it would have to wait for its share of requests.
    deployer.options["poll_interval"] = 0.2
    coolify.fault("POST /deploy", lost=True)
    deployer.deploy("1.1.0")
    assert len(coolify.asked("POST /deploy")) == 1
    assert answers(service) == "1.1.0"


def test_an_image_that_cannot_be_pulled_is_seen_by_a_health_check_alone(
    coolify: Coolify, service: Service, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    deployer.deploy("nothing-like-it")
    assert answers(service) == "1.0.0"
    deployer.health_check = HealthCheck(url=coolify.site(service), expect_body="shop-stack nothing-like-it")
    assert not deployer.health().healthy


def test_a_service_goes_back_by_its_variable(service: Service, deployer: Deployer) -> None:
    first = deployer.deploy("1.0.0")
    deployer.deploy("1.1.0")
    deployer.roll_back(first)
    assert answers(service) == "1.0.0"


def test_variables_are_set_before_the_start(service: Service, deployer: Deployer) -> None:
    deployer.options["environment"] = {"GREETING": "hello"}
    deployer.deploy("1.0.0")
    container = service.parts[0].container
    assert container is not None
    assert "GREETING=hello" in container.words


def test_a_start_that_does_not_end_has_a_deadline(coolify: Coolify, service: Service, deployer: Deployer) -> None:
    coolify.pace.build = 3600
    deployer.options["timeout"] = 0.2
    with pytest.raises(TargetError, match=r"has not started after 0\.2 s"):
        deployer.deploy("1.1.0")
