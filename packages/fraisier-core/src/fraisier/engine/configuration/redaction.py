"""Hiding secrets: in whatever text is about to be seen, and in configuration that is stored or shown."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from fraisier.contract.secret import MASK, Secret
from fraisier.engine.configuration.references import Reference

_SHORTEST: Final = 3
"""Shorter values are left alone in free text: masking every `1` or `no` hides the message and no secret."""
_SHORTEST_LINE: Final = 4

_PASSWORD_IN_URL = re.compile(r"(?P<before>\w://[^\s/?#@:]*:)(?!\$\{)[^\s/?#]+(?=@)")
_TOKEN_IN_URL = re.compile(r"(?P<before>\bhttps?://)(?!\$\{)[^\s/?#@:]+(?=@)")
_SECRET_NAMES: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
)
_NOT_SECRET_ENDINGS: Final = ("_path", "_file", "_dir", "_folder")


class Redactor:
    """Masks every secret that it was told of, in every form in which it may turn up; threads may share one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Learn a secret; values shorter than three characters are masked in `mapping` only, as `Secret`."""
        forms = set(_forms(value))
        with self._guard:
            if not forms <= self._forms:
                self._forms |= forms
                self._pattern = None

    def __call__(self, text: str) -> str:
        """Return a text with every known secret in it masked."""
        if not self._forms:
            return text
        with self._guard:
            pattern = self._pattern
            if pattern is None:
                # Longest first: of two secrets, one of which begins with the other, nothing must be left over.
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                pattern = self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return pattern.sub(MASK, text)

    def mapping(self, value: Any) -> Any:
        """Return a JSON-like structure with every text in it redacted, keys too."""
        return _mask(value, self)


def redacted_configuration(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options fit to be stored and shown: references as written, secrets masked, literal ones too."""
    masked: dict[str, Any] = _mask(options, _mask_in_urls, by_name=True)
    return masked


def _mask(value: Any, text: Callable[[str], str], *, by_name: bool = False, hidden: bool = False) -> Any:
    """Mask deeply; with `by_name` also whatever stands under a key that is named like a secret."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Reference):
        return text(value.text)
    if isinstance(value, Mapping):
        return {
            text(key) if isinstance(key, str) else key: _mask(
                each, text, by_name=by_name, hidden=hidden or (by_name and _is_secret_name(key))
            )
            for key, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask(each, text, by_name=by_name, hidden=hidden) for each in value]
    if hidden and value is not None and not isinstance(value, bool):
        return MASK
    return text(value) if isinstance(value, str) else value


def _mask_in_urls(text: str) -> str:
    if "://" not in text:
        return text
    return _TOKEN_IN_URL.sub(rf"\g<before>{MASK}", _PASSWORD_IN_URL.sub(rf"\g<before>{MASK}", text))


def _is_secret_name(key: Any) -> bool:
    name = str(key).lower().replace("-", "_")
    return any(word in name for word in _SECRET_NAMES) and not name.endswith(_NOT_SECRET_ENDINGS)


def _forms(value: str) -> Iterator[str]:
    """Give a secret as it may turn up: whole, trimmed, line by line; quoted for a URL, JSON, a shell, Python."""
    pieces = {value, value.strip()}
    lines = value.splitlines()
    if len(lines) > 1:
        pieces |= {line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE}
    for piece in pieces:
        if len(piece.strip()) < _SHORTEST:
            continue
        yield piece
        # An environment variable need not be valid UTF-8.
        yield from (quote(piece, safe=safe, errors="replace") for safe in ("/", ""))
        yield quote_plus(piece, errors="replace")
        yield from (json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1])
        yield from (shlex.quote(piece), repr(piece)[1:-1])
