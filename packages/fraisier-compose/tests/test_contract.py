"""`docker_compose` passes the contract kit on a real engine, with a real registry: here, and over SSH."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fraisier import HealthCheck, Secret
from fraisier.testing import Case, ProviderContract
from lab.lab import ComposeHost, Lab
from lab.registry import Registry

from .conftest import Site

SILENT_PORT = 7999
SILENT = f"import socket, time; s = socket.create_server(('127.0.0.1', {SILENT_PORT})); time.sleep(10**9)"


class ComposeContract(ProviderContract):
    provider = "docker_compose"

    def case_of(self, site: Site, silent_url: str, **impossible: str) -> Case:
        """Return a case with a login and a variable that nobody may see."""
        site.push("v3", site.services.unhealthy("v3"))
        login = site.registry.login
        assert login is not None
        site.options["environment"] = {"API_TOKEN": Secret("a-token-that-nobody-may-see")}
        site.options["registry"] = {
            "server": site.registry.address,
            "username": login.user,
            "password": Secret(login.password),
        }
        site.write()
        return Case(
            options=site.options,
            first="v1",
            second="v2",
            broken="v3",
            folder=site.folder,
            health_check=HealthCheck(url=site.url, expect_body="{version}"),
            impossible={**site.options, **impossible},
            fingerprint=lambda: everything_of(site),
            silent_url=silent_url,
        )


class TestHere(ComposeContract):
    @pytest.fixture
    def case(self, make_site: Callable[..., Site], private_registry: Registry) -> Case:
        site = make_site(registry=private_registry)
        return self.case_of(site, "", docker_host="unix:///not/there/docker.sock")


class TestOverSsh(ComposeContract):
    @pytest.fixture
    def case(
        self,
        make_site: Callable[..., Site],
        private_registry: Registry,
        compose_lab: Lab,
        compose_host: ComposeHost,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Case:
        monkeypatch.setenv("PATH", compose_lab.client_path)
        if not compose_host.host.succeeds("systemctl is-active --quiet silent"):
            compose_host.host.run(f'systemd-run --quiet --unit=silent python3 -c "{SILENT}"')
        site = make_site(compose_host.daemon, private_registry)
        site.options["docker_host"] = compose_host.url
        return self.case_of(site, f"http://127.0.0.1:{SILENT_PORT}/", service_name="not_there")


def everything_of(site: Site) -> str:
    """Return what is on the engine, and the files."""
    template = "{{.Id}} {{.Name}} {{.Image}} {{.State.Status}} {{.State.StartedAt}} {{json .Config}}"
    ids = site.docker("ps", "--all", "--quiet", "--no-trunc").split()
    told = [site.docker("inspect", "--format", template, *ids)] if ids else []
    told.append(site.docker("image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"))
    told += [site.docker(kind, "ls", "--quiet") for kind in ("volume", "network")]
    files = sorted(str(each) for each in site.folder.rglob("*") if each.is_file())
    # Images of the same age come in any order.
    lines = sorted(line for each in told for line in each.splitlines())
    return "\n".join([*lines, *(each for each in files if "/state/" not in each)])
