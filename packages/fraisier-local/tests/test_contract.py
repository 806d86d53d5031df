"""`local` passes the contract kit with a real repository and a real service over HTTP."""

from __future__ import annotations

import pytest
from fraisier import HealthCheck, Secret
from fraisier.testing import Case, ProviderContract

from .conftest import Repository, Site


class TestContract(ProviderContract):
    provider = "local"

    @pytest.fixture
    def case(self, site: Site, repository: Repository) -> Case:
        repository.commit("v2")
        repository.commit("v3", {"service.py": "raise SystemExit('v3 is broken')"})
        repository_secret = Secret(str(repository.folder), "${REPOSITORY}")
        environment = {"PORT": str(site.port), "API_TOKEN": Secret("a-token-that-nobody-may-see")}
        options = {**site.options, "git_repo": repository_secret, "environment": environment}
        return Case(
            options=options,
            first="v1",
            second="v2",
            broken="v3",
            folder=site.folder,
            health_check=HealthCheck(url=site.url, expect_body="{version} {version} {revision}"),
            impossible={**options, "git_repo": Secret(str(repository.folder / "nowhere"), "${NOWHERE}")},
            fingerprint=lambda: everything_below(site),
        )


def everything_below(site: Site) -> object:
    """Return what stands under `app_path`, without the log: the service writes it when it is asked."""
    paths = [path for path in sorted(site.app.rglob("*")) if path.name != "service.log"]
    return [(path, seen.st_ino, seen.st_mode, seen.st_mtime_ns) for path in paths for seen in [path.lstat()]]
