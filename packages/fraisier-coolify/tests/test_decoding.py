"""Bodies in every shape that Coolify and what stands before it give."""

from __future__ import annotations

from typing import Any

import pytest
from fraisier_coolify.decoding import decoded, items
from fraisier_coolify.deployment_log import lines_of
from fraisier_coolify.errors import words_of
from fraisier_coolify.resources import Row, moment


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/json; charset=utf-8", b"[]", []),
        ("text/html; charset=UTF-8", b"4.3.11", "4.3.11"),
        ("text/html", b"OK\n", "OK"),
        ("application/json", b"", None),
        ("", b"\xff", "\ufffd"),
    ],
)
def test_a_body_is_what_it_is_called(kind: str, body: bytes, value: Any) -> None:
    assert decoded(kind, body) == value


@pytest.mark.parametrize("body", [b'{"a": ', b"<html>", b"\x00"])
def test_what_is_called_json_and_is_none_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        decoded("application/json", body)


@pytest.mark.parametrize(
    "value",
    [
        [{"id": 1}, {"id": 2}],
        {"count": 2, "deployments": [{"id": 1}, {"id": 2}]},
        {"0": {"id": 1}, "1": {"id": 2}},
        {"deployments": {"1": {"id": 1}, "5": {"id": 2}}},
    ],
)
def test_a_list_is_found_in_every_shape(value: Any) -> None:
    assert items(value, "deployments") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("value", ["<html>", None, 4, {"message": "no"}])
def test_what_is_no_list_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a list"):
        items(value, "deployments")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Unauthenticated."}, "Unauthenticated."),
        ({"message": "Invalid request.", "error": "Empty JSON."}, "Invalid request. Empty JSON."),
        ({"message": "No.", "errors": {"a": ["one", "two"], "b": "three"}}, "No. a: one two b: three"),
        ({"message": "No.", "errors": ["one", "two"]}, "No. one two"),
        ({"message": None}, ""),
        ("<html><head><title>Bad\n Gateway</title></head>", "Bad Gateway"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_what_coolify_says_is_one_line(body: Any, words: str) -> None:
    assert words_of(body) == words


def test_a_log_hides_what_coolify_hides_and_comes_once() -> None:
    log = (
        '[{"command":null,"output":"one\\ntwo","type":"stdout","hidden":false},'
        '{"command":"docker  run","output":"","hidden":true,"order":2},'
        '{"output":"half a li","type":"stderr","hidden":true,"order":3}]'
    )
    row = Row(deployment_uuid="d", logs=log)
    assert lines_of(row, hidden=False) == (["one", "two"], 3)
    assert lines_of(row, hidden=True) == (["one", "two", "$ docker run", "half a li"], 3)
    assert lines_of(row, hidden=True, seen=2) == (["half a li"], 3)


@pytest.mark.parametrize("text", [None, "", "not json", '{"no": "list"}', "[1, null]"])
def test_a_log_that_is_none_has_no_lines(text: str | None) -> None:
    assert lines_of(Row(deployment_uuid="d", logs=text), hidden=True)[0] == []


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-08-22T15:22:50.000000Z", "2026-08-22T15:22:50+00:00"),
        ("2026-08-22 15:22:50", "2026-08-22T15:22:50+00:00"),
        ("2026-08-22T17:22:50+02:00", "2026-08-22T15:22:50+00:00"),
        ("2 minutes ago", None),
        (None, None),
    ],
)
def test_times_are_utc(text: str | None, iso: str | None) -> None:
    found = moment(text)
    assert (found.isoformat() if found else None) == iso
