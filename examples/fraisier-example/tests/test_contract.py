import shutil
from pathlib import Path

import pytest
from fraisier.testing import Case, ProviderContract


class TestContract(ProviderContract):
    provider = "static_site"

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        for version, page in {"v1": "index.html", "v2": "index.html", "broken": "no-index.html"}.items():
            files = tmp_path / "written" / version
            files.mkdir(parents=True)
            (files / page).write_text(version)
            shutil.make_archive(str(tmp_path / "build" / version), "zip", files)
        return Case(
            options={"source": "build", "path": "site"},
            first="v1",
            second="v2",
            broken="broken",
            folder=tmp_path,
            impossible={"source": "nowhere", "path": "site"},
            fingerprint=lambda: sorted(str(path) for path in (tmp_path / "site").rglob("*")),
        )
