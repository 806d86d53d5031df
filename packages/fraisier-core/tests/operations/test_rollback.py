"""Rolling back by hand: to which release, and what is left when that fails."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier import (
    DeploymentFailedError,
    DeploymentLockedError,
    FraisierError,
    RollbackFailedError,
    RolledBackError,
    UnhealthyError,
    UsageError,
)

from .conftest import Operator, told
from .scripted import revision_of


def shown(version: str) -> str:
    return f"{version} ({revision_of(version)[:7]})"


def deployed(operator: Operator, *versions: str) -> Operator:
    for version in versions:
        operator.deploy(version)
    operator.calls()
    return operator


def test_a_rollback_goes_to_the_release_before(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    done = operator.rollback()
    assert operator.calls() == ["status", "rollback v1", "health"]
    assert operator.in_service() == "v1"
    assert operator.rows()[-1] == done
    assert (done.kind, done.status, done.version, done.revision) == (
        "rollback",
        "success",
        "v1",
        revision_of("v1"),
    )
    assert (done.previous_version, done.previous_revision) == ("v2", revision_of("v2"))
    assert [step.name for step in done.steps] == ["switch", "health"]
    assert (operator.state().version, operator.state().deployed_at) == ("v1", done.finished_at)


def test_a_second_rollback_goes_further_back_and_not_forth_again(operator: Operator) -> None:
    deployed(operator, "v1", "v2", "v3")
    assert [operator.rollback().version, operator.rollback().version] == ["v2", "v1"]
    with pytest.raises(RollbackFailedError, match="no earlier successful release"):
        operator.rollback()
    operator.deploy("v4")
    assert operator.rollback().version == "v1"


def test_deploying_the_same_again_does_not_hide_the_release_before(operator: Operator) -> None:
    deployed(operator, "v1", "v2", "v2")
    operator.deploy("v2", force=True)
    assert operator.rollback().version == "v1"


@pytest.mark.parametrize("to", ["v1", revision_of("v1"), revision_of("v1")[:6]])
def test_a_release_is_named_by_version_or_revision(operator: Operator, to: str) -> None:
    deployed(operator, "v1", "v2", "v3")
    assert operator.rollback(to).version == "v1"
    assert operator.in_service() == "v1"


def test_a_digest_is_named_without_its_algorithm(operator: Operator) -> None:
    deployed(operator, "image-1", "image-2")
    digest = revision_of("image-1").removeprefix("sha256:")
    with pytest.raises(UsageError) as caught:
        operator.rollback("image-3")
    assert caught.value.hint.endswith(f", image-1 ({digest[:7]})")
    assert operator.rollback(digest[:7]).version == "image-1"


def test_what_another_provider_deployed_is_not_gone_back_to(operator: Operator) -> None:
    operator.provider = "standby"
    deployed(operator, "v1")
    operator.provider = "scripted"
    deployed(operator, "v2")
    with pytest.raises(RollbackFailedError, match="no earlier successful release"):
        operator.rollback()


@pytest.mark.parametrize("field", ["id", "identifier"])
def test_a_release_is_named_by_its_deployment(operator: Operator, field: str) -> None:
    first = operator.deploy("v1")
    deployed(operator, "v2", "v3")
    assert operator.rollback(getattr(first, field)).version == "v1"


@pytest.mark.parametrize("to", ["v9", revision_of("v1")[:5], "my_api:production:99", ""])
def test_a_name_of_nothing_is_refused_with_the_names_there_are(operator: Operator, to: str) -> None:
    deployed(operator, "v1", "v2")
    with pytest.raises(UsageError) as caught:
        operator.rollback(to)
    assert caught.value.exit_code == 2
    assert caught.value.message == f'no successful release "{to}" of my_api:production is known'
    assert caught.value.hint == f"known: {shown('v2')}, {shown('v1')}"
    assert operator.calls() == ["status"]
    assert operator.in_service() == "v2"


def test_where_there_is_nothing_to_go_back_to_the_rollback_fails(operator: Operator) -> None:
    deployed(operator, "v1")
    with pytest.raises(RollbackFailedError) as caught:
        operator.rollback()
    assert caught.value.exit_code == 9
    assert str(caught.value) == (
        "my_api:production has no earlier successful release to go back to;"
        " deploy one: fraisier deploy FRAISE ENV --version V"
    )
    assert operator.in_service() == "v1"
    assert operator.statuses() == ["success", "failed"]


@pytest.mark.parametrize(
    ("version", "request_", "kind"),
    [
        ("broken", {}, RolledBackError),
        ("broken", {"rollback": False}, UnhealthyError),
        ("half", {"rollback": False}, DeploymentFailedError),
    ],
)
def test_what_failed_is_never_gone_back_to(
    operator: Operator, version: str, request_: dict[str, Any], kind: type[FraisierError]
) -> None:
    deployed(operator, "v1")
    with pytest.raises(kind):
        operator.deploy(version, **request_)
    operator.deploy("v2")
    operator.options["earlier"] = True
    with pytest.raises(UsageError):
        operator.rollback(version)
    assert operator.rollback().version == "v1"


def test_what_was_interrupted_is_never_gone_back_to(operator: Operator) -> None:
    deployed(operator, "v1")
    with pytest.raises(FraisierError, match="interrupted"):
        operator.deploy("ctrl-c late", rollback=False)
    assert operator.in_service() == "ctrl-c late"
    operator.options["earlier"] = True
    assert operator.rollback().version == "v1"


@pytest.mark.parametrize(("earlier", "back"), [(True, "v1"), (False, "v2")])
def test_with_an_empty_history_what_the_target_knows_not_to_have_been_healthy_is_gone_back_to_for_want_of_better(
    operator: Operator, earlier: bool, back: str
) -> None:
    deployed(operator.elsewhere(), "v1", "v2")
    operator.options |= {"earlier": earlier, "unproven": ["v2"]}
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == back


def test_what_the_history_knows_to_have_been_healthy_is_gone_back_to_whatever_the_target_thinks(
    operator: Operator,
) -> None:
    deployed(operator, "v1", "v2")
    operator.options |= {"earlier": True, "unproven": ["v2"]}
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"


def test_with_an_empty_history_the_target_tells_what_was_before(operator: Operator) -> None:
    deployed(operator.elsewhere(), "v1", "v2", "v3")
    operator.options["earlier"] = True
    assert operator.rollback().version == "v2"
    assert operator.rollback("v1").version == "v1"


def test_where_others_deployed_last_the_target_tells_what_was_before(operator: Operator) -> None:
    deployed(operator, "v1")
    deployed(operator.elsewhere(), "v2", "v3")
    operator.options["earlier"] = True
    assert operator.rollback().version == "v2"


def test_a_rollback_to_what_is_in_service_changes_nothing(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    before = operator.state()
    done = operator.rollback("v2")
    assert (done.status, done.version, done.revision) == ("unchanged", "v2", revision_of("v2"))
    assert operator.calls() == ["status", "health"]
    assert operator.state().deployed_at == before.deployed_at
    assert operator.rollback().version == "v1"


def test_a_rollback_to_what_is_in_service_and_not_healthy_fails_and_leaves_it(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    operator.options["sick"] = ["v2"]
    with pytest.raises(RollbackFailedError, match="got 500 from v2"):
        operator.rollback("v2")
    assert operator.calls() == ["status", "health", "logs", "status"]


@pytest.mark.parametrize(
    ("script", "message", "calls"),
    [
        ({"on_rollback": "refuse"}, "the old image is gone", ["logs", "status"]),
        (
            {"on_rollback": "half"},
            f"the old image does not start; {shown('v2')} is back in service",
            ["logs", "status", "rollback v2", "health"],
        ),
        (
            {"sick": ["v1"]},
            f"my_api:production is not healthy after N s: got 500 from v1; {shown('v2')} is back in service",
            ["health", "logs", "status", "rollback v2", "health"],
        ),
    ],
)
def test_when_a_rollback_fails_what_was_in_service_is_put_back(
    operator: Operator, script: dict[str, Any], message: str, calls: list[str]
) -> None:
    deployed(operator, "v1", "v2")
    operator.options.update(script)
    with pytest.raises(RollbackFailedError) as caught:
        operator.rollback()
    assert (caught.value.exit_code, told(caught.value.message)) == (9, message)
    assert caught.value.log == [f"line {number} of {caught.value.log[0][11:]}" for number in range(50, 100)]
    assert operator.calls() == ["status", "rollback v1", *calls]
    assert operator.in_service() == "v2"
    assert operator.statuses() == ["success", "success", "failed"]
    assert operator.state().version == "v2"


def test_putting_back_what_was_in_service_can_fail_too(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    operator.options["sick"] = ["v1", "v2"]
    with pytest.raises(RollbackFailedError) as caught:
        operator.rollback()
    sick = "my_api:production is not healthy after N s: got 500 from"
    assert told(caught.value.message) == f"{sick} v1; putting {shown('v2')} back failed too: {sick} v2"


def test_what_was_put_back_by_a_failed_rollback_is_still_trusted(operator: Operator) -> None:
    deployed(operator, "v1")
    operator.elsewhere().deploy("v2")
    operator.options["sick"] = ["v1"]
    with pytest.raises(RollbackFailedError):
        operator.rollback("v1")
    assert operator.rows()[-1].version == "v1"
    with pytest.raises(RolledBackError):
        operator.deploy("broken")
    assert operator.in_service() == "v2"


def test_a_target_on_which_somebody_else_is_at_work_is_left_to_them(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    operator.options["on_rollback"] = "locked"
    with pytest.raises(DeploymentLockedError, match="bob@ci is deploying my_api"):
        operator.rollback()
    assert operator.calls() == ["status", "rollback v1"]
    assert operator.in_service() == "v9"


def test_somebody_else_at_work_on_the_target_can_be_waited_for(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    operator.options["on_rollback"] = "queued"
    done = operator.rollback("v1", wait_lock=60.0)
    assert (done.status, done.version, done.previous_version) == ("success", "v1", "v9")
    assert operator.calls() == ["status", "rollback v1", "status", "rollback v1", "health"]


def test_a_target_that_cannot_be_asked_cannot_be_rolled_back(operator: Operator) -> None:
    deployed(operator, "v1", "v2")
    operator.options["unreachable"] = ["status"]
    with pytest.raises(RollbackFailedError) as caught:
        operator.rollback()
    error = caught.value
    assert (str(error), error.command) == ("no route to production; look at the cable", "ping")
    assert operator.statuses()[-1] == "failed"
