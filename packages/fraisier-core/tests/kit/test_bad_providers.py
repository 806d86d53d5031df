"""The kit finds each provider that breaks a promise, by the tests that are there for it and by no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from . import bad_providers
from .bad_providers import BESIDE, Bad
from .conftest import EVERY, SHELF, Outcomes

BAD = [
    *bad_providers.LOOKS,
    *bad_providers.STATES,
    *bad_providers.DEPLOYS,
    *bad_providers.ROLLBACKS,
    *bad_providers.OPTIONS,
    *bad_providers.SAYINGS,
    *bad_providers.HOOKS,
]
COSTLY = {
    bad_providers.STATUS,
    bad_providers.BACK_ELSEWHERE,
    bad_providers.HEALTH,
    bad_providers.FAILING,
    bad_providers.FAILING_LATER,
    bad_providers.NO_VERSION,
}
"""They start processes, keep a history on the disk, or wait: run only where they have to fail."""


@pytest.mark.slow
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what)
def test_the_kit_finds(bad: Bad, kit: Callable[..., Outcomes]) -> None:
    source = SHELF
    for old, new in bad.changes.items():
        assert source.count(old) == 1
        source = source.replace(old, new)
    found = kit(source + BESIDE, without=COSTLY - bad.found_by)
    assert found.failed == bad.found_by
    assert found.passed == EVERY - COSTLY - bad.found_by


def test_every_test_of_the_kit_finds_something() -> None:
    wrong = [bad for bad in BAD if bad.found_by != EVERY]
    assert set().union(*(bad.found_by for bad in wrong)) == EVERY - {"the_provider_keeps_to_the_hookspecs"}


def test_the_kit_is_content_with_a_good_provider(kit: Callable[..., Outcomes]) -> None:
    found = kit()
    assert (found.passed, found.failed, found.skipped) == (EVERY, set(), {})


HELD = """
from contextlib import nullcontext

def held(target, shelf):
    target.session.get("lock", lambda: taken(shelf))
    return nullcontext()

def taken(shelf):
    shelf.mkdir(exist_ok=True)
    lock = (shelf / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise fraisier.DeploymentLockedError("somebody else reads here") from None
    return lock
"""


def test_the_kit_is_content_with_a_provider_that_guards_its_target_as_long_as_the_session_lives(
    kit: Callable[..., Outcomes],
) -> None:
    found = kit(SHELF.replace("with locked(at.shelf):", "with held(target, at.shelf):") + HELD)
    assert (found.passed, found.failed, found.skipped) == (EVERY, set(), {})
