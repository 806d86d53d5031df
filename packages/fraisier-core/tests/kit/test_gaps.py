"""What an author leaves out of the kit is seen: each gap has a reason, which is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fraisier.testing import ProviderContract

from .bad_providers import NOT_READY, SECRETS
from .conftest import EVERY, Outcomes

COSTLY = EVERY - {NOT_READY, SECRETS, "looking_ends_in_time_where_nothing_works", "logs_are_bounded"}


def test_what_is_unsupported_is_skipped_with_its_reason(kit: Callable[..., Outcomes]) -> None:
    found = kit(contract="TestWithoutLogs", without=COSTLY)
    assert list(found.skipped) == ["logs_are_bounded"]
    assert "shelf: a shelf keeps no log" in found.skipped["logs_are_bounded"]
    assert not found.failed


def test_a_case_without_impossible_options_says_so(kit: Callable[..., Outcomes]) -> None:
    found = kit(contract="TestWithoutSecretsOrAnImpossibleTarget", without=COSTLY)
    assert found.skipped.keys() == {NOT_READY, "looking_ends_in_time_where_nothing_works"}
    assert all("the case names no impossible options" in said for said in found.skipped.values())


def test_a_provider_that_takes_secrets_must_be_given_one(kit: Callable[..., Outcomes]) -> None:
    found = kit(contract="TestWithoutSecretsOrAnImpossibleTarget", without=EVERY - {SECRETS})
    assert found.failed == {SECRETS}


def test_a_gap_that_is_no_test_is_refused() -> None:
    with pytest.raises(TypeError, match=r"TestContract\.unsupported names .* no test of the kit: test_log"):
        type("TestContract", (ProviderContract,), {"unsupported": {"test_log": "a shelf keeps no log"}})
