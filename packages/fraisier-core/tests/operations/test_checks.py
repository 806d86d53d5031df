"""How a check is told to a person."""

from __future__ import annotations

import pytest
from fraisier import Check
from fraisier.engine.operations import check_sentence


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Check(name="disk", passed=True), "disk"),
        (Check(name="disk", passed=True, detail="2 GiB free", hint="see: df -h"), "disk: 2 GiB free"),
        (Check(name="disk", passed=False, detail="full", hint="see: df -h"), "disk: full; see: df -h"),
        (Check(name="disk", passed=False, detail="full"), "disk: full"),
    ],
)
def test_a_check_tells_what_to_do_only_where_it_failed(check: Check, said: str) -> None:
    assert check_sentence(check) == said
