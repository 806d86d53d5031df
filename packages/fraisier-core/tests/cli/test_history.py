from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .conftest import Cli


@pytest.fixture
def several(cli: Cli) -> Cli:
    """Three deployments: v1 and v2 of my_api in production, v1 in staging."""
    for environment, version in (("production", "v1"), ("production", "v2"), ("staging", "v1")):
        cli("deploy", "my_api", environment, "--version", version)
    return cli


def identifiers(cli: Cli, *arguments: str) -> list[str]:
    return [each["identifier"].removeprefix("my_api:") for each in cli.json("history", *arguments)]


def test_it_is_the_newest_first_of_all_or_of_those_asked_for(several: Cli) -> None:
    assert identifiers(several) == ["staging:1", "production:2", "production:1"]
    assert identifiers(several, "my_api") == ["staging:1", "production:2", "production:1"]
    assert identifiers(several, "my_api", "production") == ["production:2", "production:1"]
    assert identifiers(several, "worker") == []


@pytest.mark.parametrize("option", ["-n", "--number"])
def test_at_most_so_many_are_shown(several: Cli, option: str) -> None:
    assert identifiers(several, option, "2") == ["staging:1", "production:2"]
    assert identifiers(several, option, "99") == ["staging:1", "production:2", "production:1"]


def test_without_a_number_it_is_twenty(cli: Cli) -> None:
    for _ in range(21):
        cli("deploy", "my_api", "production")
    assert len(cli.json("history")) == 20


def test_since_is_a_span_a_date_or_a_time(cli: Cli) -> None:
    cli("deploy", "my_api", "production")
    for since in ("90s", "15m", "1h30m", "2d", "2026-01-01", "2026-01-01T12:00:00+02:00"):
        assert len(identifiers(cli, "--since", since)) == 1


def test_since_leaves_out_what_was_begun_before(several: Cli) -> None:
    second = several.json("history")[1]["started_at"]
    assert identifiers(several, "--since", second) == ["staging:1", "production:2"]
    elsewhere = datetime.fromisoformat(second).astimezone(datetime.now().astimezone().tzinfo)
    assert identifiers(several, "--since", elsewhere.isoformat()) == ["staging:1", "production:2"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert identifiers(several, "--since", tomorrow.date().isoformat()) == []


def test_a_time_without_a_zone_is_utc(several: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    second = datetime.fromisoformat(several.json("history")[1]["started_at"])
    assert identifiers(several, "--since", second.replace(tzinfo=None).isoformat()) == [
        "staging:1",
        "production:2",
    ]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "-1d", "99999999999d", ""])
def test_what_is_neither_is_refused(cli: Cli, since: str) -> None:
    said = cli.error("history", "--since", since, code=2)
    assert (
        said
        == f'--since "{since}" is neither a time nor a duration; such as 15m, 2d, 2026-11-23 or 2026-11-23T10:00'
    )


def test_the_table_tells_how_each_ended(several: Cli) -> None:
    several("deploy", "my_api", "production", "--version", "broken", code=8)
    heading, line, *_ = several("history").out.splitlines()
    assert heading.split() == ["DEPLOYMENT", "STARTED", "KIND", "VERSION", "STATUS", "TOOK", "USER", "ERROR"]
    assert line.startswith("my_api:production:3  ")
    assert "  deploy  broken (r-broken)  rolled_back  " in line
    assert line.endswith("broken is down; rolled back to v2 (r-v2)")
