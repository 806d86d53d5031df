"""What Coolify says when it does not do what it was asked: one error, with the likely cause and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fraisier import TargetError

_TOKENS: Final = "Keys & Tokens > API Tokens"
_SETTINGS: Final = "Settings > Advanced"
_AN_ADMIN: Final = "let an admin or the owner of the team make the token"


class Meaning(NamedTuple):
    """What a kind of refusal likely means, and what to do."""

    cause: str
    hint: str


MEANINGS: Final[dict[str, Meaning]] = {
    "unauthenticated": Meaning(
        "the token is wrong, expired or revoked, or its owner left the team",
        f"make one in Coolify under {_TOKENS}; the number and the | before the secret belong to it",
    ),
    "ability": Meaning(
        "the token lacks an ability",
        f"make one with read, read:sensitive, write and deploy under {_TOKENS}; tick deploy first",
    ),
    "role": Meaning("the owner of the token is only a member of the team", _AN_ADMIN),
    "forbidden": Meaning("the owner of the token may not do this", _AN_ADMIN),
    "api_disabled": Meaning("the API is switched off", f"switch it on under {_SETTINGS} > API Access"),
    "ip_not_allowed": Meaning(
        "this machine's address is not on the API's allow list",
        f"add it under {_SETTINGS} > Allowed IPs for API Access",
    ),
    "not_found": Meaning(
        "there is no such thing in the team of this token", "compare the uuid, and the team of the token"
    ),
    "unknown_route": Meaning("this Coolify does not have that part of the API", "upgrade Coolify"),
    "conflict": Meaning("Coolify found a conflict", "see what it says"),
    "invalid": Meaning("Coolify does not take these values", "see what it says"),
    "refused": Meaning("Coolify refused", "see what it says"),
    "queue_full": Meaning(
        "the deployment queue of the server is full", "wait for the deployments in it, or cancel some in Coolify"
    ),
    "rate_limited": Meaning(
        "too many requests within a minute, by all tokens of this user", "wait a minute, or raise API_RATE_LIMIT"
    ),
    "redirect": Meaning("the address answers with a redirect", "set url to the address that it leads to"),
    "not_coolify": Meaning(
        "what answers is not Coolify's API",
        "see whether url is the address of Coolify itself; while that starts, its proxy answers",
    ),
    "unavailable": Meaning(
        "Coolify does not answer its proxy: it is starting, upgrading or down", "try again in a minute"
    ),
    "server_error": Meaning("Coolify failed", "see its log, on its server: docker logs coolify"),
    "unreachable": Meaning("Coolify cannot be reached", "see whether url is right, and whether Coolify runs"),
    "tls": Meaning("there is no TLS connection that can be trusted", "for a private certificate, set ca_bundle"),
    "lost": Meaning("the answer did not come to its end", "see the server's load, and the proxy in front of it"),
    "garbled": Meaning("the answer was cut or changed on its way", "see the proxy in front of Coolify"),
}
NOT_SENT: Final = frozenset({"unreachable", "rate_limited", "queue_full"})
"""The request changed nothing for certain: it never arrived, or was turned away at the door."""
PASSING: Final = NOT_SENT | {"lost", "garbled", "not_coolify", "server_error", "unavailable"}
"""It may work in a moment, and nobody needs to do anything for it."""

_LONGEST: Final = 300
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)
_MISSING = re.compile(r"Missing required permissions: ([\w:, ]+)")


class CoolifyError(TargetError):
    """A request to Coolify that failed.

    Args:
        code: which of `MEANINGS` it is.
        command: the request, without the token.
        status: the HTTP status; None when there was no answer.
        words: what Coolify itself said, or what is known beside the meaning.
        retry_after: seconds that the server asks to wait; None when it does not say.
    """

    def __init__(
        self,
        code: str,
        command: str,
        *,
        status: int | None = None,
        words: str = "",
        retry_after: float | None = None,
    ) -> None:
        cause, hint = MEANINGS[code]
        if missing := _MISSING.match(words):
            cause = f"the token lacks the ability {missing[1].strip()}"
        answer = f" answered {status}" if status else ""
        said = f' "{words}"' if words else ""
        super().__init__(f"{cause}: {command}{answer}{said}", hint=hint, command=command)
        self.code = code
        self.status = status
        self.words = words
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether it may work in a moment."""
        return self.code in PASSING

    @property
    def perhaps_done(self) -> bool:
        """Whether Coolify may have done what it was asked, although it did not say so."""
        return self.passing and self.code not in NOT_SENT


def refusal(status: int, body: Any, headers: Mapping[str, str], command: str) -> CoolifyError:
    """Return the error that an answer other than 2xx means.

    Args:
        status: the HTTP status.
        body: as `decoding.decoded` has it.
        headers: of the answer.
        command: the request, such as `GET https://coolify.example.com/api/v1/version`.
    """
    words = words_of(body)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        words = headers.get("Location", "").partition("?")[0]
    return CoolifyError(
        _code_of(status, body, words),
        command,
        status=status,
        words=words,
        retry_after=_seconds(headers.get("Retry-After", "")),
    )


def words_of(body: Any) -> str:
    """Return what an answer says, as one line: its message with the findings, or the title of a page."""
    if isinstance(body, Mapping):
        parts = [str(body.get("message") or ""), str(body.get("error") or "")]
        text = " ".join([*(part for part in parts if part), *_findings(body.get("errors"))])
    else:
        page = _TITLE.search(str(body))
        text = page[1] if page else str(body)
    return " ".join(text.split())[:_LONGEST]


def _findings(errors: Any) -> list[str]:
    """Return the findings of a validation, whose values are lists or bare strings, in an object or a list."""
    if isinstance(errors, Mapping):
        return [f"{key}: {' '.join(map(str, _listed(value)))}" for key, value in errors.items()]
    return [str(each) for each in _listed(errors)] if errors else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_BY_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
    HTTPStatus.BAD_GATEWAY: "unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "unavailable",
}
# Where one status means several things, what Coolify's words begin with.
_BY_WORDS: Final = {
    (HTTPStatus.BAD_REQUEST, "Invalid token"): "unauthenticated",
    (HTTPStatus.FORBIDDEN, "API is disabled"): "api_disabled",
    (HTTPStatus.FORBIDDEN, "You are not allowed to access the API"): "ip_not_allowed",
    (HTTPStatus.FORBIDDEN, "Missing required permissions"): "ability",
    (HTTPStatus.FORBIDDEN, "Missing required team role"): "role",
    (HTTPStatus.FORBIDDEN, ""): "forbidden",
    (HTTPStatus.BAD_REQUEST, "Deployment queue is full"): "queue_full",
    (HTTPStatus.TOO_MANY_REQUESTS, "Deployment queue is full"): "queue_full",
}


def _code_of(status: int, body: Any, words: str) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "redirect"
    for (when, beginning), code in _BY_WORDS.items():
        if status == when and words.startswith(beginning):
            return code
    known = isinstance(body, Mapping)
    if status == HTTPStatus.NOT_FOUND and known and "docs" in body:
        return "unknown_route"
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS and not known:
        return "not_coolify"
    found = {int(each): code for each, code in _BY_STATUS.items()}.get(status)
    return found or ("server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
