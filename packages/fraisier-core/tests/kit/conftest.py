"""A provider as a distribution on disk, and the contract kit run over it by a pytest within this one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
import sqlite_utils  # noqa: F401 - the engine imports this late, when the path is bare
import yaml  # noqa: F401 - the same
from fraisier.testing import ProviderContract

SHELF = Path(__file__).with_name("shelf.py").read_text(encoding="utf-8")
EVERY = {name.removeprefix("test_") for name in vars(ProviderContract) if name.startswith("test_")}
CONTRACT = Path(__file__).with_name("shelf_contract.py")


class Outcomes:
    """Hears how each test of the kit ended; the names are without `test_`."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.location[2].rpartition(".test_")[2]
        if report.failed:
            self.failed.add(name)
        elif report.skipped:
            self.skipped[name] = str(report.longrepr)
        elif report.when == "call":
            self.passed.add(name)


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Outcomes]]:
    """Return a function that installs a provider and runs the kit over it, but for some of its tests."""

    def run(provider: str = SHELF, contract: str = "TestContract", without: Collection[str] = ()) -> Outcomes:
        site = tmp_path / "site"
        information = site / "acme_shelf-1.0.dist-info"
        information.mkdir(parents=True)
        (site / "acme_shelf.py").write_text(provider, encoding="utf-8")
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-shelf\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text("[fraisier.providers]\nshelf = acme_shelf\n")
        # To find a provider is to read the metadata of all that is installed: hundreds of times here.
        bare = [entry for entry in sys.path if not entry.endswith(("site-packages", "dist-packages"))]
        monkeypatch.setattr(sys, "path", [str(site), *bare])
        monkeypatch.setenv("PYTHONPATH", str(site))  # For the processes that the kit starts.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        chosen = [f"{CONTRACT}::{contract}::test_{name}" for name in sorted(EVERY - set(without))]
        quiet = ["-qq", "--tb=no", "--override-ini=addopts=--import-mode=importlib", "-p", "no:cacheprovider"]
        outcomes = Outcomes()
        pytest.main([*chosen, f"--basetemp={tmp_path / 'kit'}", *quiet], [outcomes])
        return outcomes

    yield run
    sys.modules.pop("acme_shelf", None)
