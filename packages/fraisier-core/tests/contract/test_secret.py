"""A secret prints as `***` wherever it lands, and cannot be stored."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import pytest
from fraisier import Options, Secret

SECRET = Secret("hunter2", "${PASSWORD}")


@dataclass
class Login:
    user: str
    password: Secret


class Settings(Options):
    password: Secret


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (str(SECRET), "***"),
        (repr(SECRET), "***"),
        (format(SECRET), "***"),
        (format(SECRET, ">10"), "***"),
        (f"{SECRET}", "***"),
        (f"{SECRET!r:>5}", "  ***"),
        (f"{SECRET=}", "SECRET=***"),
        ("%s and %r" % (SECRET, SECRET), "*** and ***"),  # noqa: UP031 - the form is the point
        ("{0}".format(SECRET), "***"),  # noqa: UP030, UP032 - the form is the point
        (repr([SECRET, {"password": SECRET}]), "[***, {'password': ***}]"),
        (repr(Login("me", SECRET)), "Login(user='me', password=***)"),
        (repr(Settings(password=SECRET)), "Settings(password=***)"),
        (pprint.pformat({"password": SECRET}), "{'password': ***}"),
        (repr(ValueError("no entry with", SECRET)), "ValueError('no entry with', ***)"),
        (json.dumps({"password": SECRET}, default=str), '{"password": "***"}'),
    ],
)
def test_a_secret_is_not_seen_in_any_text(shown: str, text: str) -> None:
    assert shown == text


def test_a_secret_is_not_seen_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("any").info("login with %s %r", SECRET, SECRET)
    assert caplog.messages == ["login with *** ***"]


def test_a_secret_is_not_seen_in_a_traceback_with_local_variables() -> None:
    def fail(password: Secret) -> None:
        raise ValueError(f"not {password}")

    with pytest.raises(ValueError, match=r"^not \*\*\*$") as caught:
        fail(SECRET)
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (pickle.dumps, "a Secret cannot be pickled"),
        (lambda secret: pickle.dumps([secret], protocol=0), "a Secret cannot be pickled"),
        (json.dumps, "Object of type Secret is not JSON serializable"),
        (msgspec.json.encode, "Encoding objects of type Secret is unsupported"),
        (msgspec.to_builtins, "Encoding objects of type Secret is unsupported"),
        (lambda secret: msgspec.json.encode(Settings(password=secret)), "Encoding objects of type Secret"),
    ],
)
def test_a_secret_cannot_be_stored(store: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        store(SECRET)


@pytest.mark.parametrize("join", [lambda: "x" + SECRET, lambda: SECRET + "x", lambda: "".join([SECRET])])  # type: ignore[operator,list-item]
def test_a_secret_does_not_become_a_part_of_another_text(join: Callable[[], str]) -> None:
    with pytest.raises(TypeError):
        join()


def test_a_secret_gives_its_text_when_asked() -> None:
    assert SECRET.reveal() == "hunter2"
    assert SECRET.reference == "${PASSWORD}"


def test_secrets_are_compared_by_their_text() -> None:
    assert Secret("hunter2") == SECRET
    assert Secret("hunter3") != SECRET
    assert SECRET != "hunter2"
    assert len({Secret("a"), Secret("a", "${A}"), Secret("b")}) == 2
    assert bool(SECRET)
    assert not Secret("")


def test_a_copy_of_options_holds_the_same_secret() -> None:
    options = {"password": SECRET, "more": [SECRET]}
    assert copy.deepcopy(options) == options
    assert copy.copy(SECRET) is SECRET
    assert asdict(Login("me", SECRET)) == {"user": "me", "password": SECRET}
