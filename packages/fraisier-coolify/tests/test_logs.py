"""The log: of what runs, of the newest deployment where nothing runs, and each line once while following."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from fraisier import TargetError, Unsupported
from fraisier_coolify import hooks
from fraisier_coolify.container_log import _new

from .deployer import Deployer
from .standin.coolify import Coolify
from .standin.world import Application


@pytest.fixture
def application(coolify: Coolify) -> Application:
    made = coolify.add_application()
    coolify.put_in_service(made, "1.0.0")
    return made


@pytest.fixture
def deployer(coolify: Coolify, application: Application, tmp_path: Path) -> Deployer:
    return Deployer(coolify, application, tmp_path)


def test_the_last_lines_of_the_container_are_given(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    for number in range(300):
        coolify.say(application, f"line {number}")
    assert deployer.logs(200) == [f"line {number}" for number in range(100, 300)]
    assert deployer.logs(0) == []


def test_lines_before_a_moment_are_left_out(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    coolify.say(application, "before")
    coolify.step(60)
    now = coolify.clock.moment()
    coolify.step(1)
    coolify.say(application, "after, with a space")
    assert deployer.logs(10, now - timedelta(seconds=5)) == ["after, with a space"]
    assert "before" in deployer.logs(10, now - timedelta(seconds=120))


@pytest.mark.parametrize("coolify", ["4.1.2"], indirect=True)
def test_a_moment_is_refused_where_coolify_tells_no_times(deployer: Deployer, coolify: Coolify) -> None:
    with pytest.raises(Unsupported, match=r"4\.2\.0"):
        deployer.logs(10, coolify.clock.moment())


def test_a_container_that_is_down_leaves_the_newest_deployment_to_tell(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    deployer.options["settle_timeout"] = 0.2
    with pytest.raises(TargetError):
        deployer.deploy("broken")
    assert any("Starting deployment" in line for line in deployer.logs(100))
    assert len(deployer.logs(2)) == 2


def test_following_gives_each_line_once(coolify: Coolify, application: Application, deployer: Deployer) -> None:
    coolify.say(application, "one")
    with deployer.target() as target:
        lines = iter(hooks.logs(target, 1, True, None))
        assert next(lines) == "one"
        for number in range(2, 5):
            coolify.say(application, f"line {number}")
            assert next(lines) == f"line {number}"


def test_following_goes_on_when_the_container_is_replaced(
    coolify: Coolify, application: Application, deployer: Deployer
) -> None:
    with deployer.target() as target:
        lines = iter(hooks.logs(target, 1, True, None))
        next(lines)
        coolify.put_in_service(application, "1.1.0")
        assert next(lines) == "starting shop-api 1.1.0"


@pytest.mark.parametrize(
    ("seen", "now", "new"),
    [
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b"], ["b", "c"], ["c"]),
        (["a", "a"], ["a", "a", "a"], ["a"]),
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["x", "y"], ["x", "y"]),
        ([], ["a"], ["a"]),
        (["a"], [], []),
    ],
)
def test_of_two_looks_at_a_log_the_later_one_gives_what_is_new(
    seen: list[str], now: list[str], new: list[str]
) -> None:
    assert list(_new(seen, now)) == new


def test_a_service_tells_each_part_by_its_name(coolify: Coolify, tmp_path: Path) -> None:
    deployer = Deployer(coolify, coolify.add_service(), tmp_path)
    deployer.deploy("1.0.0")
    lines = deployer.logs(100)
    assert any(line.startswith("web: ") for line in lines)
    assert any(line.startswith("db: ") for line in lines)


@pytest.mark.parametrize("coolify", ["4.1.2"], indirect=True)
def test_a_service_has_no_log_before_4_2(coolify: Coolify, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"4\.2\.0"):
        Deployer(coolify, coolify.add_service(), tmp_path).logs(10)
