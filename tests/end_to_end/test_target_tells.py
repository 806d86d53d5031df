"""The target holds the truth, whatever becomes of the history and of the service."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from .conftest import Site, eventually

pytestmark = pytest.mark.slow

ON = ("greeter", "here")


def test_with_an_empty_history_the_target_tells_what_to_go_back_to(shared_site: Site) -> None:
    site = shared_site
    before, now = site.versions()[::-1]
    site.here("deploy", *ON, "--version", before)
    site.here("deploy", *ON, "--version", now)
    shutil.rmtree(site.folder / ".fraisier")

    # As on a CI runner, which begins with no history each time.
    failed = site.deploy("v3", "--json", code=8).document
    assert (failed["status"], failed["previous_revision"]) == ("rolled_back", site.revisions[now])
    assert site.answer() == now
    told = site.status()
    assert (told["state"], told["version"], told["revision"]) == ("running", now, site.revisions[now])

    shutil.rmtree(site.folder / ".fraisier")
    back = site.fraisier("rollback", *ON, "--json").document
    assert (back["status"], back["version"], back["previous_version"]) == ("success", before, now)
    assert site.answer() == before


def test_a_service_that_dies_is_told_by_status_and_health_until_it_is_deployed_again(shared_site: Site) -> None:
    site = shared_site
    version, _ = site.versions()
    os.kill(site.status()["details"]["pid"], signal.SIGKILL)
    eventually(lambda: site.status()["state"] == "failed")
    told = site.fraisier("health", *ON, "--json", code=7).document
    assert told["healthy"] is False
    assert told["detail"] in ("the process is gone", "the process ended with exit code -9")
    again = site.deploy(version, "--json").document
    assert again["status"] == "success"
    assert site.answer() == version
