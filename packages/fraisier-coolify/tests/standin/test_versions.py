from __future__ import annotations

import pytest

from .versions import FEATURES, NEWEST, OFFERED, Version, order


def test_a_beta_comes_before_its_release_and_two_numbers_are_a_version() -> None:
    texts = ["4.0.0-beta.463", "4.0.0-beta.470", "4.0.0", "4.1.2", "4.2.0", "4.3.9", "4.3.11", "4.4-rc.1", "4.4.0"]
    ordered = [order(text) for text in texts]
    assert ordered == sorted(ordered)
    assert len(set(ordered)) == len(texts)


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version"):
        order("latest")


@pytest.mark.parametrize("feature", FEATURES)
def test_each_line_of_the_table_begins_before_it_ends(feature: str) -> None:
    for since, until in FEATURES[feature]:
        assert since or until
        assert not since or not until or order(since) < order(until)


def test_the_newest_version_offered_is_the_last() -> None:
    assert max(OFFERED, key=order) == NEWEST


@pytest.mark.parametrize(
    ("version", "built"),
    [("4.0.0-beta.463", True), ("4.0.0-beta.464", False), ("4.1.2", False), ("4.2.0", True), ("4.3.11", True)],
)
def test_a_pin_is_built_by_old_and_by_new_versions_and_not_between(version: str, built: bool) -> None:
    assert Version(version).has("pin_is_built") is built
