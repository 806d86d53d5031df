"""The life of a service, told by processes that are started in different folders."""

from __future__ import annotations

import pytest

from .conftest import Site

pytestmark = pytest.mark.slow

ON = ("greeter", "here")


def test_a_service_is_deployed_upgraded_broken_and_rolled_back(site: Site) -> None:
    config = str(site.folder / "fraises.yaml")
    below = site.folder / "some" / "where"
    below.mkdir(parents=True)
    away = site.folder.parent

    # From a folder below the file.
    first = site.fraisier("deploy", *ON, "--version", "v1", "--json", folder=below).document
    assert (first["status"], first["version"], first["revision"]) == ("success", "v1", site.revisions["v1"])
    assert (first["previous_version"], first["error"]) == (None, None)
    assert [step["name"] for step in first["steps"]] == [
        "pre-flight",
        "fetch",
        "export",
        "build",
        "stop",
        "switch",
        "start",
        "health",
    ]
    assert site.answer() == "v1"

    # From elsewhere, the file named by the environment.
    second = site.fraisier("deploy", *ON, "--version", "v2", folder=away, FRAISIER_CONFIG=config)
    assert second.out.startswith(f"greeter here: deployed v2 ({site.revisions['v2'][:7]}) with local in ")
    assert second.out.endswith(f", was v1 ({site.revisions['v1'][:7]})\n")
    assert site.answer() == "v2"

    # From elsewhere, the file named by an option.
    third = site.fraisier("-c", config, "deploy", *ON, "--version", "v3", "--json", code=8, folder=away)
    failed = third.document
    assert (failed["status"], failed["version"], failed["previous_version"]) == ("rolled_back", "v3", "v2")
    error = failed["error"]
    assert (error["kind"], error["code"], error["step"]) == ("rolled_back", 8, "health")
    assert "the process ended with exit code 1; rolled back to v2" in error["message"]
    assert error["log"][-1] == "v3 cannot start"
    assert "  | v3 cannot start\n" in third.err
    assert site.answer() == "v2"

    (told,) = site.fraisier("status", "--json", "-c", config, folder=away).document
    assert (told["state"], told["version"], told["revision"]) == ("running", "v2", site.revisions["v2"])
    assert "drift" not in told["details"]
    health = site.fraisier("health", *ON, "--json", folder=below).document
    assert (health["healthy"], health["latency_seconds"] > 0) == (True, True)
    lines = site.fraisier("logs", *ON, "-n", "3", "--json", folder=below).document["lines"]
    assert lines == ["serving v2", "v3 cannot start", "serving v2"]
    (listed,) = site.fraisier("list", "--json", folder=below).document
    assert (listed["version"], listed["status"]) == ("v2", "rolled_back")

    back = site.fraisier("rollback", *ON, "--json", folder=away, FRAISIER_CONFIG=config).document
    assert (back["kind"], back["status"], back["version"]) == ("rollback", "success", "v1")
    assert site.answer() == "v1"
    history = site.fraisier("history", *ON, "--json", folder=below).document
    assert [(each["kind"], each["status"], each["version"]) for each in history] == [
        ("rollback", "success", "v1"),
        ("deploy", "rolled_back", "v3"),
        ("deploy", "success", "v2"),
        ("deploy", "success", "v1"),
    ]
    assert history == [back, failed, history[2], first]
