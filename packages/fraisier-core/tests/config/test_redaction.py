"""Secrets are hidden in texts and in stored configuration."""

from __future__ import annotations

import json
import re
import shlex
import threading
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from fraisier.contract.options import OptionProblem
from fraisier.contract.secret import Secret
from fraisier.engine.configuration.redaction import Redactor, redacted_configuration
from fraisier.engine.configuration.references import parse_references
from hypothesis import given, settings
from hypothesis import strategies as st


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    return redactor


@pytest.mark.parametrize(
    ("secrets", "text", "seen"),
    [
        ([], "anything", "anything"),
        (["s3cret"], "a s3cret, s3crets, S3CRET", "a ***, ***s, S3CRET"),
        (["abc", "abcdef"], "abcdef abc", "*** ***"),
        (["abcdef", "abc"], "abcdef abc", "*** ***"),
        (["a.c"], "a.c abc", "*** abc"),
        (["ab"], "ab", "ab"),
        ([""], "", ""),
        (["   "], "a   b", "a   b"),
        ([" padded "], "[padded] [ padded ]", "[***] [***]"),
        (
            ["-----BEGIN-----\nline one\nxyz\n-----END-----\n"],
            "got line one, xyz\n-----END-----",
            "got ***, xyz\n***",
        ),
        (["p@ss word"], f"{quote('p@ss word')} {quote_plus('p@ss word')} p@ss word", "*** *** ***"),
        (["a/b/c"], "a/b/c a%2Fb%2Fc", "*** ***"),
        (['say "x"\\'], json.dumps({"k": 'say "x"\\'}), '{"k": "***"}'),
        (["it's"], f"run {shlex.quote(chr(105) + 't' + chr(39) + 's')}", "run ***"),
        (["naïve-secret"], json.dumps("naïve-secret"), '"***"'),
        (["tab\there"], repr("tab\there"), "'***'"),
    ],
)
def test_a_secret_is_masked_in_every_form(secrets: list[str], text: str, seen: str) -> None:
    assert knowing(*secrets)(text) == seen


def test_a_secret_that_is_learnt_later_is_masked_from_then_on() -> None:
    redactor = knowing("first")
    assert redactor("first second") == "*** second"
    redactor.add("second")
    assert redactor("first second") == "*** ***"


def test_a_structure_is_redacted_deeply() -> None:
    redactor = knowing("s3cret")
    value = {"s3cret": ["a s3cret", {"b": ("s3cret", 1, None, True)}], "c": Secret("x"), "d": {"s3cret"}}
    assert redactor.mapping(value) == {"***": ["a ***", {"b": ["***", 1, None, True]}], "c": "***", "d": ["***"]}


def test_a_secret_from_an_environment_that_is_not_utf_8_is_masked() -> None:
    assert knowing("a\udcffbcd")("x a\udcffbcd") == "x ***"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(min_size=3, max_size=8), min_size=1, max_size=5), st.text(max_size=10), st.text(max_size=10)
)
def test_no_secret_is_ever_left_over(secrets: list[str], before: str, after: str) -> None:
    redactor = knowing(*secrets)
    for secret in secrets:
        if len(secret.strip()) >= 3 and "*" not in secret:
            assert secret not in redactor(f"{before}{secret}{after}").replace("***", "\0")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ({"ssh_user": "deploy", "port": 22}, {"ssh_user": "deploy", "port": 22}),
        ({"token": "${TOKEN}", "a": "x-${B}"}, {"token": "${TOKEN}", "a": "x-${B}"}),
        ({"token": "literal"}, {"token": "***"}),
        (
            {"API-Key": "x", "apikey": "x", "db_password": "x"},
            {"API-Key": "***", "apikey": "***", "db_password": "***"},
        ),
        ({"Passwd": 1, "secret": ["x", {"y": "z"}]}, {"Passwd": "***", "secret": ["***", {"y": "***"}]}),
        ({"private_key": "x", "private_key_path": "/x"}, {"private_key": "***", "private_key_path": "/x"}),
        ({"use_token": True, "token": None}, {"use_token": True, "token": None}),
        ({"secrets": {"A": "a", "B": "${B}"}}, {"secrets": {"A": "***", "B": "${B}"}}),
        ({"env": {"URL": "postgres://u:pw@db/x"}}, {"env": {"URL": "postgres://u:***@db/x"}}),
        ({"u": "https://user:p:w@h/x?a=b@c"}, {"u": "https://user:***@h/x?a=b@c"}),
        ({"u": "redis://:pw@h"}, {"u": "redis://:***@h"}),
        ({"u": "https://ghp_abc@github.com/x.git"}, {"u": "https://***@github.com/x.git"}),
        ({"u": "https://u:${PW}@h"}, {"u": "https://u:${PW}@h"}),
        ({"u": "postgres://u:literal@${HOST}"}, {"u": "postgres://u:***@${HOST}"}),
        ({"u": "ssh://git@github.com/x.git"}, {"u": "ssh://git@github.com/x.git"}),
        ({"u": "git@github.com:acme/x.git"}, {"u": "git@github.com:acme/x.git"}),
        ({"u": "http://127.0.0.1:8000/a@b"}, {"u": "http://127.0.0.1:8000/a@b"}),
        ({"run": "curl https://u:pw@h && ls"}, {"run": "curl https://u:***@h && ls"}),
    ],
)
def test_a_stored_configuration_holds_no_secret(written: dict[str, Any], stored: dict[str, Any]) -> None:
    problems: list[OptionProblem] = []
    options = parse_references(written, problems)
    assert redacted_configuration(options) == stored
    assert json.loads(json.dumps(redacted_configuration(options))) == stored


def test_a_resolved_configuration_holds_no_secret_either() -> None:
    assert redacted_configuration({"a": Secret("x"), "b": [Secret("y")]}) == {"a": "***", "b": ["***"]}


def test_a_secret_that_another_thread_adds_in_the_middle_of_a_look_is_masked_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redactor = Redactor()
    redactor.add("first secret")
    other = threading.Thread(target=redactor.add, args=("second secret",))
    compiled = re.compile

    def slowly(pattern: str) -> re.Pattern[str]:
        other.start()
        other.join(0.1)
        return compiled(pattern)

    with monkeypatch.context() as patch:
        patch.setattr(re, "compile", slowly)
        assert redactor("first secret") == "***"
    other.join()
    assert redactor("first secret, second secret") == "***, ***"
