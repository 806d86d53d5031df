"""What only looks: it creates nothing, and tells before anything was deployed, and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fraisier import Check, ConfigError, HealthCheck
from fraisier_local import checks, hooks

from .conftest import Site


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))}


def look(site: Site) -> None:
    hooks.pre_flight(site.target())
    hooks.status(site.target())
    hooks.health(site.target())
    list(hooks.logs(site.target(), 10, False))


def test_looking_creates_nothing_before_the_first_deployment(site: Site) -> None:
    before = tree(site.folder)

    look(site)

    assert tree(site.folder) == before


def test_looking_changes_nothing_after_it(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    before = tree(site.folder)

    look(site)

    assert tree(site.folder) == before


def test_status_of_what_was_never_deployed(site: Site) -> None:
    status = hooks.status(site.target())

    assert (status.state, status.release, status.earlier) == ("stopped", None, [])


def test_status_tells_where_things_are(site: Site) -> None:
    deployed = site.deploy("v1", command="exec sleep 600")

    status = hooks.status(site.target())

    assert status.details["pid"] == site.process()["pid"]
    assert status.details["folder"] == str(site.app / "releases" / deployed.details["release"])
    assert status.details["log"] == str(site.app / "service.log")
    assert 0 <= status.details["uptime_seconds"] < 30
    assert status.since is not None
    assert msgspec.json.encode(status)


def test_earlier_releases_are_told_once_newest_first(site: Site) -> None:
    quiet: dict[str, Any] = {"command": "exec sleep 600"}
    site.deploy("v1", **quiet)
    site.deploy("v1", force=True, **quiet)
    for version in ("v2", "v3"):
        site.repository.commit(version)
        site.deploy(version, **quiet)

    assert [release.version for release in hooks.status(site.target()).earlier] == ["v2", "v1"]


def failed(site: Site, **options: Any) -> dict[str, Check]:
    return {check.name: check for check in hooks.pre_flight(site.target(**options)) if not check.passed}


def test_pre_flight_passes_with_a_warning_about_the_missing_health_check(site: Site) -> None:
    found = failed(site)

    assert list(found) == ["health check"]
    assert found["health check"].required is False
    site.health_check = HealthCheck(url=site.url)
    assert failed(site) == {}


def test_pre_flight_tells_what_git_says_about_the_repository(site: Site) -> None:
    found = failed(site, git_repo="nowhere")["repository"]

    assert found.detail.startswith(f"fatal: '{site.folder / 'nowhere'}' does not appear to be a git repository")
    assert found.hint == f"try: git ls-remote {site.folder / 'nowhere'}"


def test_pre_flight_misses_the_branch(site: Site) -> None:
    found = failed(site, branch="nothing")["repository"]

    assert found.detail == f'there is no branch "nothing" in {site.repository.folder}'


def test_pre_flight_needs_a_folder(site: Site) -> None:
    (site.folder / "file").touch()

    assert failed(site, app_path="file/app")["app_path"].detail == f"{site.folder / 'file'} is not a folder"


def test_pre_flight_refuses_the_folder_of_another_target(site: Site) -> None:
    site.deploy("v1", command="exec sleep 600")
    other = msgspec.structs.replace(site.target(), fraise="other")

    found = next(check for check in hooks.pre_flight(other) if check.name == "app_path")

    assert (found.passed, found.detail) == (False, f"{site.app} belongs to my_api:test")


def test_pre_flight_wants_space_on_the_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FREE_BYTES", 1024**5)

    assert failed(site)["disk space"].detail.endswith(f"want {1024**3} MiB")


def test_pre_flight_misses_git(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/dev/null")

    found = failed(site)

    assert found["git"].detail == "git is not installed"
    assert "repository" not in found


def test_every_failed_check_has_a_hint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FREE_BYTES", 1024**5)
    (site.folder / "file").touch()

    found = failed(site, git_repo="nowhere", app_path="file")

    assert len(found) == 4
    assert all(check.hint for check in found.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_releases": 0}, "keep_releases: expected int >= 1, got 0"),
        ({"comand": "x"}, 'comand: unknown key; did you mean "command"?'),
        ({"environment": {"not a name": "x"}}, "environment"),
        ({"build": [""]}, "build[0]: expected str of length >= 1"),
        ({"command": "a\0b"}, "NUL"),
        ({"git_repo": ""}, "git_repo: expected a path or a URL"),
        ({"stop_timeout": -1}, "stop_timeout: expected float >= 0.0"),
    ],
)
@pytest.mark.parametrize("hook", ["pre_flight", "status", "health"])
def test_bad_options_are_refused_before_anything_is_touched(
    site: Site, options: dict[str, Any], message: Any, hook: Any
) -> None:
    with pytest.raises(ConfigError) as caught:
        getattr(hooks, hook)(site.target(**options))

    assert message in caught.value.message
    assert not site.app.exists()
