"""`bare_metal` passes the contract kit on a real host: over SSH, with systemd, in both layouts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fraisier import HealthCheck, Secret
from fraisier.testing import Case, ProviderContract
from lab.host import Host

from .site import Site

SILENT_PORT = 7999
SILENT = f"import socket, time; s = socket.create_server(('127.0.0.1', {SILENT_PORT})); time.sleep(10**9)"


@pytest.fixture(scope="module")
def silent_host(shared_host: Host) -> Host:
    """A host on which something listens and never answers."""
    shared_host.run(f'systemd-run --quiet --unit=silent python3 -c "{SILENT}"')
    return shared_host


class BareMetalContract(ProviderContract):
    provider = "bare_metal"
    layout: str

    @pytest.fixture
    def case(self, make_site: Callable[..., Site], silent_host: Host) -> Case:
        site = make_site(silent_host, layout=self.layout)
        options = {
            **site.options,
            "git_repo": Secret(site.repository.url, "${REPOSITORY}"),
            "environment": {"PORT": str(site.port), "API_TOKEN": Secret("a-token-that-nobody-may-see")},
        }
        return Case(
            options=options,
            first="v1",
            second="v2",
            broken="v3",
            folder=site.folder,
            health_check=HealthCheck(
                url=f"http://127.0.0.1:{site.port}/", expect_body="{version} {version} {revision}"
            ),
            impossible={**options, "systemd_service": "not-there.service"},
            fingerprint=lambda: everything_of(site),
            silent_url=f"http://127.0.0.1:{SILENT_PORT}/",
        )


class TestReleases(BareMetalContract):
    layout = "releases"


class TestInPlace(BareMetalContract):
    layout = "in_place"


def everything_of(site: Site) -> str:
    """Return what stands under `app_path`, and which process serves it."""
    return site.host.run(
        f"find {site.app_path} -printf '%p %i %m %T@ %C@ %l\\n' | sort; systemctl show {site.unit} -p MainPID"
    )
