"""Deploying applications: what is asked of Coolify, whose deployment is followed, and what is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import DeploymentLockedError, HealthCheck, TargetError

from .deployer import Deployer, Once, interrupt
from .standin.coolify import Coolify
from .standin.request import Request
from .standin.world import Application, Kind

BUILT: list[Kind] = ["nixpacks", "railpack", "static", "dockerfile", "dockercompose"]


@pytest.fixture
def application(coolify: Coolify) -> Application:
    return coolify.add_application()


@pytest.fixture
def deployer(coolify: Coolify, application: Application, tmp_path: Path) -> Deployer:
    return Deployer(coolify, application, tmp_path)


def settings_of(application: Application) -> tuple[object, ...]:
    columns = application.columns
    return tuple(columns[name] for name in ("docker_registry_image_tag", "git_branch", "git_commit_sha"))


def answers(application: Application) -> str | None:
    return application.container.version if application.container else None


def after(coolify: Coolify, route: str, do: Callable[[], object]) -> None:
    """Do something at the moment when the next request of a route comes, before it is answered."""

    def meets(request: Request) -> bool:
        if request.route == route and not done:
            done.append(request)
            do()
        return False

    done: list[Request] = []
    coolify.fault(route, when=meets, times=None)


def test_an_image_is_deployed_by_its_tag(deployer: Deployer, application: Application) -> None:
    done = deployer.deploy("1.1.0")
    assert (done.version, done.revision) == ("1.1.0", "ghcr.io/acme/shop-api:1.1.0")
    assert answers(application) == "1.1.0"


def test_an_image_is_deployed_by_its_digest(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    digest = coolify.world.registry.push("ghcr.io/acme/shop-api", "1.1.0").digest
    done = deployer.deploy(f"sha256:{digest}")
    assert done.version == f"sha256:{digest}"
    assert application.columns["docker_registry_image_tag"] == f"sha256-{digest}"
    assert deployer.status().release == deployer.status().release
    told = deployer.status().release
    assert told is not None
    assert (told.version, told.revision) == (done.version, done.revision)


def test_an_image_that_is_named_by_a_digest_can_have_a_tag_again(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    application.columns |= {
        "docker_registry_image_name": "ghcr.io/acme/shop-api@sha256",
        "docker_registry_image_tag": coolify.world.registry.push("ghcr.io/acme/shop-api", "1.0.0").digest,
    }
    assert deployer.deploy("1.1.0").revision == "ghcr.io/acme/shop-api:1.1.0"
    assert answers(application) == "1.1.0"


def test_what_is_to_be_deployed_stands_in_the_address_which_every_version_reads(
    coolify: Coolify, tmp_path: Path
) -> None:
    application = coolify.add_application("nixpacks")
    Deployer(coolify, application, tmp_path).deploy(coolify.version_of(application, "1.0.0"))
    (asked,) = coolify.asked("POST /deploy")
    assert (asked.query, asked.body) == ({"uuid": application.uuid}, b"")


@pytest.mark.parametrize("version", ["1.0 0", "a/b", "-1", "x" * 129, "sha256:abc"])
def test_what_is_no_tag_is_refused_before_anything_is_written(
    coolify: Coolify, deployer: Deployer, version: str
) -> None:
    with pytest.raises(TargetError, match="is no tag"):
        deployer.deploy(version)
    assert {request.method for request in coolify.requests} == {"GET"}


@pytest.mark.parametrize("kind", BUILT)
def test_a_commit_is_pinned_and_built(coolify: Coolify, tmp_path: Path, kind: Kind) -> None:
    application = coolify.add_application(kind)
    sha = coolify.version_of(application, "1.0.0")
    done = Deployer(coolify, application, tmp_path).deploy(sha)
    assert (done.version, done.revision) == (sha, sha)
    assert answers(application) == sha
    assert application.columns["git_commit_sha"] == sha


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.1.2", "4.3.11"], indirect=True)
def test_a_branch_is_built_at_its_head(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    done = Deployer(coolify, application, tmp_path, version_by="branch").deploy("1.0.0")
    assert (done.version, done.revision) == ("1.0.0", coolify.version_of(application, "1.0.0"))


def test_a_branch_takes_a_pin_away(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks", git_commit_sha="0" * 40)
    Deployer(coolify, application, tmp_path, version_by="branch").deploy("1.1.0")
    assert settings_of(application)[1:] == ("1.1.0", "HEAD")


def test_without_a_version_the_head_of_the_branch_is_deployed(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks", git_commit_sha="0" * 40)
    head = coolify.add_version(application, "1.2.0")
    done = Deployer(coolify, application, tmp_path).deploy()
    assert (done.version, done.revision) == (head, head)


def test_without_a_version_the_tag_that_is_set_is_pulled_again(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    coolify.put_in_service(application, "1.1.0")
    assert deployer.deploy().changed
    assert deployer.deploy().changed


@pytest.mark.parametrize("version", ["main", "1234567", "G" * 40, "v1.0.0"])
def test_what_is_no_commit_is_refused_with_the_way_to_name_a_branch(
    coolify: Coolify, tmp_path: Path, version: str
) -> None:
    with pytest.raises(TargetError, match="is no commit") as raised:
        Deployer(coolify, coolify.add_application("nixpacks"), tmp_path).deploy(version)
    assert "version_by: branch" in raised.value.hint


def test_an_application_is_deployed_by_a_variable(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("dockercompose")
    deployer = Deployer(coolify, application, tmp_path, version_by="env:SHOP_TAG")
    deployer.deploy("1.0.0")
    deployer.deploy("1.1.0")
    assert not deployer.deploy("1.1.0").changed
    told = deployer.status()
    assert told.release is not None
    assert (told.release.version, [each.version for each in told.earlier]) == ("1.1.0", ["1.0.0"])
    assert application.container is not None
    assert "SHOP_TAG=1.1.0" in application.container.words
    assert not any("FRAISIER_RELEASES" in word for word in application.container.words)


@pytest.mark.parametrize(("kind", "version_by"), [("dockerimage", "commit"), ("nixpacks", "image_tag")])
def test_a_way_that_does_not_fit_the_build_pack_is_refused(
    coolify: Coolify, tmp_path: Path, kind: Kind, version_by: str
) -> None:
    deployer = Deployer(coolify, coolify.add_application(kind), tmp_path, version_by=version_by)
    assert "does not fit" in deployer.checks()["version_by"].detail
    with pytest.raises(TargetError, match="does not fit"):
        deployer.deploy("1.0.0")


def test_a_dockerfile_in_coolify_itself_has_no_versions(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("dockerfile", dockerfile="FROM busybox")
    check = Deployer(coolify, application, tmp_path).checks()["version_by"]
    assert (check.passed, "env:NAME" in check.hint) == (False, True)


def test_what_is_in_service_is_left_alone_and_force_deploys_it_again(coolify: Coolify, deployer: Deployer) -> None:
    deployer.deploy("1.1.0")
    assert not deployer.deploy("1.1.0").changed
    assert deployer.deploy("1.1.0", force=True).changed
    assert len(coolify.world.deployments) == 2


def test_a_new_value_of_a_variable_is_something_to_deploy(
    coolify: Coolify, deployer: Deployer, application: Application
) -> None:
    deployer.options["environment"] = {"GREETING": "hello"}
    deployer.deploy("1.1.0")
    assert not deployer.deploy("1.1.0").changed
    deployer.options["environment"] = {"GREETING": "good morning"}
    assert deployer.deploy("1.1.0").changed
    assert application.container is not None
    assert "GREETING=good morning" in application.container.words


def test_the_deployment_is_found_whose_uuid_was_never_stored(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    # Queued by a push at the last moment; Coolify takes ours for the same and answers a uuid of nothing.
    coolify.pace.build = 0.5
    git = coolify.add_application("nixpacks", "git-api")
    sha = coolify.version_of(git, "1.0.0")
    after(coolify, "POST /deploy", lambda: coolify.deploy(git, commit=sha))
    deployer.options["application"] = git.uuid
    assert deployer.deploy(sha).revision == sha
    assert len(coolify.world.deployments) == 1


def test_the_deployment_is_found_whose_answer_was_lost(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.fault("POST /deploy", lost=True)
    deployer.deploy("1.1.0")
    assert len(coolify.world.deployments) == 1
    assert answers(application) == "1.1.0"


def test_a_deployment_that_never_arrived_is_asked_for_again(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.fault("POST /deploy", refused=True)
    deployer.deploy("1.1.0")
    assert len(coolify.world.deployments) == 1
    assert len(coolify.asked("POST /deploy")) == 2


def test_a_deployment_that_is_queued_after_its_time_to_answer_is_not_asked_for_twice(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.fault("POST /deploy", slow=1.5)
    deployer.options |= {"request_timeout": 0.5, "poll_interval": 0.75}
    deployer.deploy("1.1.0")
    assert len(coolify.world.deployments) == 1
    assert len(coolify.asked("POST /deploy")) == 1
    assert answers(application) == "1.1.0"


def test_a_deployment_by_a_person_is_waited_for_and_not_taken_for_ours(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    theirs = coolify.deploy(application)

    def theirs_ends() -> None:
        coolify.pace.build = 0
        coolify.step(7200)

    deployer.progress = Once("waiting for a deployment that began before", theirs_ends)
    done = deployer.deploy("1.1.0")
    assert theirs.status == "finished"
    assert done.revision == "ghcr.io/acme/shop-api:1.1.0"
    assert answers(application) == "1.1.0"


def test_a_deployment_of_the_same_commit_is_joined(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    sha = coolify.version_of(application, "1.0.0")
    coolify.pace.build = 3600
    coolify.deploy(application, commit=sha)
    deployer = Deployer(coolify, application, tmp_path)
    deployer.progress = Once("joins the deployment of the same commit", lambda: coolify.step(7200))
    assert deployer.deploy(sha).revision == sha
    assert len(coolify.world.deployments) == 1


def test_a_deployment_by_another_client_of_the_api_locks(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    coolify.deploy(application, is_api=True)
    before = settings_of(application)
    with pytest.raises(DeploymentLockedError, match="another client of Coolify's API: http"):
        deployer.deploy("1.1.0")
    assert settings_of(application) == before


def test_of_two_that_begin_at_the_same_moment_the_first_in_the_queue_goes_on(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    after(coolify, "POST /deploy", lambda: coolify.deploy(application, is_api=True))
    with pytest.raises(DeploymentLockedError):
        deployer.deploy("1.1.0")
    first, second = coolify.world.deployments
    assert second.status == "cancelled-by-user"
    assert application.columns["docker_registry_image_tag"] == "1.1.0", "what is set is no longer ours to put back"
    coolify.step(7200)
    assert first.status == "finished"


def test_a_full_queue_is_waited_for(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.fault("POST /deploy", status=429, message="Deployment queue is full.", retry_after=0, times=5)
    deployer.deploy("1.1.0")
    assert answers(application) == "1.1.0"


def test_a_queue_that_stays_full_ends_with_the_deadline(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.fill_queue()
    deployer.options["timeout"] = 1
    before = settings_of(application)
    with pytest.raises(TargetError, match="queue of the server is full"):
        deployer.deploy("1.1.0")
    assert settings_of(application) == before


def test_what_somebody_else_sets_at_the_same_moment_is_noticed(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    def meddle() -> None:
        application.columns["docker_registry_image_tag"] = "1.0.0"

    after(coolify, "POST /deploy", meddle)
    with pytest.raises(
        TargetError, match=r"shop-api:1\.0\.0 was deployed in place of ghcr.io/acme/shop-api:1\.1\.0"
    ):
        deployer.deploy("1.1.0")


def test_a_commit_that_is_not_the_one_that_was_asked_for_is_noticed(coolify: Coolify, tmp_path: Path) -> None:
    application = coolify.add_application("nixpacks")
    asked, other = (coolify.version_of(application, name) for name in ("1.0.0", "1.1.0"))

    def meddle() -> None:
        application.columns["git_commit_sha"] = other

    after(coolify, "POST /deploy", meddle)
    with pytest.raises(TargetError, match=f"{other} was deployed in place of {asked}"):
        Deployer(coolify, application, tmp_path).deploy(asked)


def test_a_failed_deployment_tells_its_last_lines_and_the_link_to_it(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.deploy("1.0.0")
    before = settings_of(application)
    with pytest.raises(TargetError, match="the deployment failed: ") as raised:
        deployer.deploy("nothing-like-it")
    assert any("manifest unknown" in line for line in raised.value.log)
    assert raised.value.log[-1].startswith("Deployment failed.")
    assert f"{coolify.url}/project/" in raised.value.hint
    assert settings_of(application) == before
    told = deployer.status()
    assert (told.state, told.release and told.release.version) == ("running", "1.0.0")


def test_lines_come_as_coolify_writes_them_and_each_once(coolify: Coolify, deployer: Deployer) -> None:
    coolify.pace.build = 0.1
    deployer.deploy("1.1.0")
    lines = deployer.progress.lines
    assert lines.count("Pulling & building required images.") == 1
    assert deployer.said("Starting deployment of ghcr.io/acme/shop-api:1.1.0")
    assert not deployer.said("docker pull")


def test_hidden_lines_are_shown_when_they_are_asked_for(deployer: Deployer) -> None:
    deployer.verbose = True
    deployer.deploy("1.1.0")
    assert deployer.said("$ docker pull ghcr.io/acme/shop-api:1.1.0")


def test_values_of_the_file_are_in_no_line(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    # A build that prints its variables.
    deployer.options["environment"] = {"SECRET": "ghcr.io/acme"}
    deployer.verbose = True
    deployer.deploy("1.1.0")
    assert deployer.said("***/shop-api:1.1.0")
    assert not deployer.said("ghcr.io/acme")


@pytest.mark.parametrize("coolify", ["4.0.0-beta.470", "4.3.0", "4.3.11"], indirect=True)
def test_a_deployment_that_takes_too_long_is_cancelled_and_the_settings_are_as_before(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.put_in_service(application, "1.0.0")
    before = settings_of(application)
    coolify.pace.build = 3600
    deployer.options["timeout"] = 0.2
    with pytest.raises(TargetError, match=r"has not ended after 0\.2 s"):
        deployer.deploy("1.1.0")
    assert coolify.world.deployments[-1].status == "cancelled-by-user"
    assert deployer.said("asked Coolify to cancel the deployment, which is now cancelled-by-user")
    assert settings_of(application) == before


def test_a_deployment_that_takes_too_long_may_go_on(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    deployer.options |= {"timeout": 0.2, "cancel_on_timeout": False}
    with pytest.raises(TargetError, match="has not ended"):
        deployer.deploy("1.1.0")
    assert coolify.world.deployments[-1].status == "in_progress"
    assert application.columns["docker_registry_image_tag"] == "1.1.0"


@pytest.mark.parametrize("coolify", ["4.3.0", "4.3.11"], indirect=True)
def test_ctrl_c_cancels(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.put_in_service(application, "1.0.0")
    before = settings_of(application)
    coolify.pace.build = 3600
    deployer.progress = Once("Starting deployment", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy("1.1.0")
    assert coolify.world.deployments[-1].status == "cancelled-by-user"
    assert settings_of(application) == before


def test_ctrl_c_in_a_deployment_that_ended_meanwhile_tells_what_is_in_service(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600

    def finish_and_interrupt() -> None:
        coolify.step(7200)
        raise KeyboardInterrupt

    deployer.progress = Once("Starting deployment", finish_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy("1.1.0")
    assert coolify.world.deployments[-1].status == "finished"
    told = deployer.status().release
    assert told is not None
    assert told.version == "1.1.0"
    assert application.columns["docker_registry_image_tag"] == "1.1.0"


def test_ctrl_c_before_the_answer_cancels_nothing_of_others(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.put_in_service(application, "1.0.0")
    coolify.pace.build = 3600
    after(coolify, "POST /deploy", lambda: coolify.deploy(application))
    coolify.fault("POST /deploy", status=429, retry_after=1)
    deployer.progress = Once("trying again in 1 s", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployer.deploy("1.1.0")
    assert coolify.world.deployments[-1].status == "in_progress"
    assert application.columns["docker_registry_image_tag"] == "1.0.0"


def test_a_deployment_that_somebody_cancels_is_said(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    deployer.progress = Once("Starting deployment", lambda: cancel_all(coolify))
    with pytest.raises(TargetError, match="cancelled in Coolify"):
        deployer.deploy("1.1.0")


def cancel_all(coolify: Coolify) -> None:
    for row in coolify.world.deployments:
        row.status = "cancelled-by-user"


def test_following_outlasts_what_passes_by_itself(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.build = 3600
    coolify.fault("GET /deployments/{uuid}", status=502, times=10)
    deployer.progress = Once("looking again", lambda: coolify.step(7200))
    deployer.deploy("1.1.0")
    assert answers(application) == "1.1.0"


def test_a_restart_of_coolify_fails_the_deployment_and_is_told_as_it_is(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.put_in_service(application, "1.0.0")
    coolify.pace.build = 3600
    deployer.progress = Once("Starting deployment", coolify.restart)
    with pytest.raises(TargetError, match="the deployment failed"):
        deployer.deploy("1.1.0")
    assert application.columns["docker_registry_image_tag"] == "1.0.0"


def test_what_crashes_is_noticed_without_a_health_check(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.options["settle_timeout"] = 0.3
    with pytest.raises(TargetError, match="Coolify ended the deployment and tells exited:unhealthy"):
        deployer.deploy("broken")


def test_a_status_from_before_is_waited_out_without_a_health_check(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.pace.settle = 0.2
    deployer.deploy("1.1.0")
    assert deployer.said("Coolify tells running:unhealthy, which may be from before")
    assert deployer.progress.steps == ["look", "queue", "deploy", "settle"]


def test_a_health_check_is_left_to_core(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.pace.settle = 3600
    deployer.health_check = HealthCheck(url=coolify.site(application))
    deployer.deploy("1.1.0")
    assert deployer.progress.steps == ["look", "queue", "deploy"]


def test_the_requests_of_a_deployment_are_few_and_told(coolify: Coolify, deployer: Deployer) -> None:
    deployer.health_check = HealthCheck(url="http://127.0.0.1:9")
    deployer.deploy("1.1.0")
    polls = len(coolify.asked("GET /deployments/{uuid}"))
    assert len(coolify.requests) - polls == 9
    assert deployer.said(f"{len(coolify.requests)} requests to Coolify in all, {polls} of them to follow")


def test_the_end_of_a_deployment_is_seen_with_the_first_look_after_it(
    coolify: Coolify, deployer: Deployer
) -> None:
    deployer.health_check = HealthCheck(url="http://127.0.0.1:9")
    coolify.pace.build = 3600
    looks: list[str] = []

    def count(request: Request) -> bool:
        looks.append(coolify.world.deployments[-1].status)
        if len(looks) == 3:
            threading.Thread(target=lambda: coolify.step(7200)).start()
        return False

    coolify.fault("GET /deployments/{uuid}", when=count, times=None)
    deployer.deploy("1.1.0")
    assert looks.count("finished") <= 1
