"""What `health_check` may say."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fraisier import HealthCheck


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://127.0.0.1:8000/health"},
        {"url": "https://[::1]/"},
        {"url": "http://host"},
        {"tcp": "localhost:5432"},
        {"tcp": "[::1]:80", "timeout": 0.1, "probe_timeout": 3600},
        {"command": "true", "expect_body": "ok"},
        {"url": "http://host", "expect_body": "{version}", "expect_status": 204},
    ],
)
def test_a_check_that_makes_sense_is_taken(given: dict[str, Any]) -> None:
    HealthCheck(**given)


NO_HOST = "expected url to name a host, and a port between 1 and 65535 if any"
SECONDS = "expected timeout and probe_timeout to be seconds above 0"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "expected exactly one of url, tcp and command, got none"),
        (
            {"url": "http://host", "tcp": "host:1"},
            "expected exactly one of url, tcp and command, got url and tcp",
        ),
        (
            {"url": "http://h", "tcp": "h:1", "command": "x"},
            "expected exactly one of url, tcp and command, got url and tcp and command",
        ),
        ({"url": "ftp://host"}, "expected url to start with http:// or https://"),
        ({"url": ""}, "expected url to start with http:// or https://"),
        ({"url": "http://"}, NO_HOST),
        ({"url": "http:///health"}, NO_HOST),
        ({"url": "http://:8000/"}, NO_HOST),
        ({"url": "http://host:0/"}, NO_HOST),
        ({"url": "http://host:65536/"}, NO_HOST),
        ({"url": "http://host:http/"}, NO_HOST),
        ({"url": "http://[::1/"}, NO_HOST),
        ({"tcp": "host"}, "expected tcp to be host:port"),
        ({"tcp": ":80"}, "expected tcp to be host:port"),
        ({"tcp": "host:0"}, "expected tcp to be host:port"),
        ({"tcp": "host:65536"}, "expected tcp to be host:port"),
        ({"tcp": "host:-1"}, "expected tcp to be host:port"),
        ({"tcp": "host:٣"}, "expected tcp to be host:port"),
        ({"tcp": "host:1", "expect_body": "x"}, "expect_body needs url or command"),
        ({"command": " "}, "expected command to be a line of shell"),
        ({"command": "true", "timeout": 0}, SECONDS),
        ({"command": "true", "timeout": -1}, SECONDS),
        ({"command": "true", "timeout": 86401}, SECONDS),
        ({"command": "true", "timeout": float("nan")}, SECONDS),
        ({"command": "true", "probe_timeout": 0}, SECONDS),
        ({"command": "true", "probe_timeout": 3601}, SECONDS),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        HealthCheck(**given)


@pytest.mark.parametrize(
    ("wanted", "version", "revision", "expected"),
    [
        (None, "v1", "r1", None),
        ("ok", "v1", "r1", "ok"),
        ("{version}", "v1", "r1", "v1"),
        ('{"version": "{version}", "commit": "{revision}"}', "v1", "r1", '{"version": "v1", "commit": "r1"}'),
        ("{other} {version}", "v1", None, "{other} v1"),
        ("[{revision}]", "v1", None, "[]"),
    ],
)
def test_the_expected_release_is_put_into_the_expected_body(
    wanted: str | None, version: str, revision: str | None, expected: str | None
) -> None:
    check = HealthCheck(url="http://host", expect_body=wanted, timeout=7)
    asked = check.expecting(version, revision)
    assert (asked.expect_body, asked.timeout, asked.url) == (expected, 7, "http://host")
    assert check.expect_body == wanted
