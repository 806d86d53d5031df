from pathlib import Path

import pytest
from fraisier.testing.case import Case
from fraisier.testing.contract import ProviderContract


class TestContract(ProviderContract):
    provider = "static_site"

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        for version in ("v1", "v2", "broken"):
            (tmp_path / "build" / version).mkdir(parents=True)
            if version != "broken":
                (tmp_path / "build" / version / "index.html").write_text(version)
        return Case(
            options={"source": "build", "path": "site"},
            first="v1",
            second="v2",
            broken="broken",
            folder=tmp_path,
            impossible={"source": "nowhere", "path": "site"},
            fingerprint=lambda: sorted(str(path) for path in (tmp_path / "site").rglob("*")),
        )
