"""The contract kit over the provider `shelf`; run by `conftest.py`, once for each way to change that provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fraisier import Secret
from fraisier.testing import Case, ProviderContract


def case_of(folder: Path) -> Case:
    """Return a fresh shelf, and three books of which one is broken."""
    (folder / "books").mkdir()
    for version in ("v1", "v2", "broken"):
        (folder / "books" / version).write_text(f"the text of {version}")
    options: dict[str, Any] = {"books": "books", "shelf": "shelf", "token": Secret("s3cret-9f3b")}
    return Case(
        options=options,
        first="v1",
        second="v2",
        broken="broken",
        folder=folder,
        impossible={**options, "books": "nowhere"},
        fingerprint=lambda: [(path, path.read_bytes()) for path in sorted((folder / "shelf").glob("*"))],
        deadline=0.5,
    )


class TestContract(ProviderContract):
    provider = "shelf"

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        return case_of(tmp_path)


class TestWithoutSecretsOrAnImpossibleTarget(TestContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        case = case_of(tmp_path)
        return msgspec.structs.replace(case, options={**case.options, "token": "plain"}, impossible=None)


class TestWithoutLogs(TestContract):
    unsupported = {"test_logs_are_bounded": "a shelf keeps no log"}  # noqa: RUF012 - as an author writes it
