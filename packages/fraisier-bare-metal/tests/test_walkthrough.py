"""What a person does on a real host: from a bare account to a first deployment, and what follows in a year."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fraisier import HealthCheck
from lab.host import Host
from lab.lab import Lab
from lab.repository import Repository

from .mending import apply
from .service import BROKEN, SERVICE
from .site import Site


def mend(site: Site, lab: Lab) -> list[str]:
    """Apply what pre-flight prints until it passes; return the names of the checks that failed."""
    seen: list[str] = []
    while failed := site.checks():
        assert not all(name in seen for name in failed) or "repository" in failed, f"not mended: {failed}"
        for name, said in failed.items():
            printed = apply(site, said)
            if name == "repository" and "deploy key" in said:
                lab.git.host.run("cat >> /srv/git/.ssh/authorized_keys", stdin=printed)
        seen += failed
        assert len(seen) < 12, f"not mended: {failed}"
    return seen


@pytest.fixture
def bare(make_site: Callable[..., Site], host: Host) -> Site:
    """An account that can log in, and nothing else."""
    host.add_account("walker")
    site = make_site(host, set_up=False)
    site.options["ssh_user"] = "walker"
    return site


def test_from_a_bare_account_to_a_year_of_deployments(bare: Site, lab: Lab) -> None:
    site = bare
    refused = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1")
    assert refused.returncode == 5
    assert "pre-flight failed: 4 checks: app_path, repository, unit, sudo" in refused.stderr
    assert "on the host: sudo install -d -o walker -g walker " in refused.stderr
    assert site.host.run(f"ls {site.app_path} 2>&1 || true").endswith("No such file or directory\n")

    # The repository's server is not known first, and does not know us then.
    assert sorted(mend(site, lab)) == ["app_path", "journal", "repository", "repository", "sudo", "unit"]
    assert site.fraisier("provider-test", "FRAISE", "ENV").returncode == 0

    for version, was in (("v1", ""), ("v2", ", was v1 (")):
        done = site.fraisier("deploy", "FRAISE", "ENV", "--version", version)
        assert done.returncode == 0, done.stderr
        assert f"deployed {version} (" in done.stdout
        assert was in done.stdout
        assert site.serves(version)

    broken = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v3", "--json")
    assert broken.returncode == 8
    told = json.loads(broken.stdout)
    assert told["status"] == "rolled_back"
    assert told["error"]["step"] == "health"
    assert any("this version is broken" in line for line in told["error"]["log"])
    assert "rolled back to v2 (" in broken.stderr
    assert "| " in broken.stderr
    assert site.serves("v2")

    [status] = json.loads(site.fraisier("status", "FRAISE", "ENV", "--json").stdout)
    assert (status["state"], status["version"]) == ("running", "v2")
    assert site.fraisier("health", "FRAISE", "ENV").returncode == 0
    logs = site.fraisier("logs", "FRAISE", "ENV", "-n", "5").stdout.splitlines()
    assert logs[-1].endswith("serving v2")
    assert len(logs) == 5
    since = site.fraisier("logs", "FRAISE", "ENV", "--since", "1h").stdout
    assert "serving v1" in since
    assert "serving v2" in since
    assert site.fraisier("logs", "FRAISE", "ENV", "--since", "2100-01-01").stdout == ""

    assert "already at v2 (" in site.fraisier("deploy", "FRAISE", "ENV", "--version", "v2").stdout
    back = site.fraisier("rollback", "FRAISE", "ENV")
    assert back.returncode == 0, back.stderr
    assert "rolled back to v1 (" in back.stdout
    assert site.serves("v1")


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_a_unit_of_the_account_itself_needs_no_root_at_all(bare: Site, lab: Lab, layout: str) -> None:
    site = bare
    site.layout = site.options["layout"] = layout
    site.app_path = site.options["app_path"] = "/home/walker/app"
    site.options["user_unit"] = True
    assert sorted(mend(site, lab)) == ["linger", "repository", "repository", "unit"]
    deployed = site.deploy("v1")
    assert site.serves("v1")
    broken = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v3")
    assert broken.returncode == 8, broken.stderr
    assert "this version is broken" in broken.stderr
    assert site.serves("v1")
    assert site.deploy("v2").changed
    assert site.serves("v2")
    site.rollback(deployed)
    assert site.serves("v1")
    assert any("serving v1" in line for line in site.log(5))
    assert site.status().details["systemd"] == "active (running)"


def test_an_environment_that_does_not_work_is_gone_back_from_though_the_version_is_the_same(site: Site) -> None:
    assert site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1").returncode == 0
    before = site.status().release
    # Nobody asks there.
    site.options["environment"] = {"PORT": str(site.port + 5000)}
    site.health_check = HealthCheck(url=site.health_url, expect_body="{version} {revision}", timeout=2)
    failed = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v1", "--force")
    assert failed.returncode == 8, failed.stderr
    assert "connection refused" in failed.stderr
    assert site.serves("v1")
    assert site.status().release == before


RELOADING = SERVICE.replace(
    "VERSION = open",
    """
import signal, sys

def start_anew(*_):
    os.chdir(os.environ["APP_PATH"] + "/current")
    os.execv(sys.executable, [sys.executable, "-u", "service.py"])

signal.signal(signal.SIGHUP, start_anew)
VERSION = open""",
)


def test_a_service_that_is_reloaded_keeps_its_process_and_is_restarted_only_where_it_does_not_run(
    make_site: Callable[..., Site], shared_host: Host, new_repository: Repository
) -> None:
    for version in ("v2", "v3"):
        new_repository.commit(version, {"service.py": RELOADING})
    new_repository.commit("v4", {"service.py": BROKEN})
    site = make_site(shared_host, repository=new_repository)
    reload = site.unit_text().replace("Restart=", "ExecReload=/bin/kill -HUP $MAINPID\nRestart=")
    site.host.install_unit(site.unit, reload)
    site.options["restart"] = "reload"
    site.options["environment"] |= {"APP_PATH": site.app_path}
    # systemd hands the environment over when it starts a process, not when it reloads one.
    site.health_check = HealthCheck(url=site.health_url, expect_body="{version} ", timeout=15)
    assert site.checks() == {}
    for version in ("v2", "v3"):
        done = site.fraisier("deploy", "FRAISE", "ENV", "--version", version)
        assert done.returncode == 0, done.stderr
    assert site.answer().startswith("v3 v2 ")
    broken = site.fraisier("deploy", "FRAISE", "ENV", "--version", "v4")
    assert broken.returncode == 8, broken.stderr
    assert site.serves("v3")
