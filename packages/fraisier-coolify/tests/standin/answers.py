"""What goes back over the wire: JSON, plain text under a wrong content type, HTML, and errors with their keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

DOCUMENTATION = "https://coolify.io/docs"

HTML = """<!DOCTYPE html>
<html lang="en"><head><title>{title}</title></head>
<body><div class="message">{status}</div><h1>{title}</h1></body></html>
"""
TITLES = {
    429: "Too Many Requests",
    500: "Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True)
class Answer:
    """A status, a body, and headers."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - it is an answer, on its way out of a controller
    """Ends a request with an answer that is not what was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def encoded(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON."""
    return Answer(status, json.dumps(value).encode(), headers=headers or {})


def text(value: str, status: int = 200) -> Answer:
    """Answer with plain text, which Coolify calls HTML."""
    return Answer(status, value.encode(), "text/html; charset=UTF-8")


def page(status: int) -> Answer:
    """Answer with the page of an error, as a proxy does, and Coolify without an Accept header."""
    body = HTML.format(status=status, title=TITLES.get(status, "Error"))
    return Answer(status, body.encode(), "text/html; charset=UTF-8")


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Refusal:
    """Refuse with `message` and whatever other keys this error has."""
    return Refusal(encoded({"message": message, **more}, status, headers))


def invalid(errors: dict[str, Any] | list[Any]) -> Refusal:
    """Refuse values: 422, in the form of Coolify's own validation."""
    return refusal(422, "Validation failed.", errors=errors)


def bad_request(error: str) -> Refusal:
    """Refuse a body that is no JSON, or not declared as such."""
    return refusal(400, "Invalid request.", error=error)


def unknown_route() -> Refusal:
    """Refuse what no route is for: always 404, and the only 404 that names the documentation."""
    return refusal(404, "Not found.", docs=DOCUMENTATION)
