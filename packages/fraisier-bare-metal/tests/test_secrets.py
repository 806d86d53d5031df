"""A secret in a line of `build` or in the command of a health check: it is on no command line of the host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fraisier import HealthCheck

from .site import Site, eventually

SECRET = "a-token-that-nobody-may-read"


def test_a_line_of_a_build_is_on_no_command_line(site: Site) -> None:
    seen, go_on = f"{site.app_path}/seen", f"{site.app_path}/go-on"
    site.options["build"] = [f": {SECRET}; touch {seen}; until rm {go_on} 2>/dev/null; do sleep 0.1; done"]
    with ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(site.deploy, "v1")
        eventually(lambda: site.host.succeeds(f"test -e {seen}"))
        everything = site.host.run("ps -eo args; ps -eo args")
        site.host.run(f"touch {go_on}")
        deploying.result(timeout=60)
    assert "timeout -k" in everything
    assert SECRET not in everything


def test_the_command_of_a_health_check_is_on_no_command_line_and_may_have_several_lines(site: Site) -> None:
    site.deploy("v1")
    written = f"/tmp/{site.name}.ps"
    command = f": {SECRET}\nps -eo args >{written}\n! env | grep fraisier_line"
    site.health_check = HealthCheck(command=command)
    assert site.health().healthy
    everything = site.host.run(f"cat {written}; rm {written}")
    assert "timeout -k" in everything
    assert SECRET not in everything
