"""What was asked: the request that controllers read, and that tests count afterwards, its token hidden."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "Bearer ***"


@dataclass
class Request:
    """One request, as it came, and what became of it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """By names in lower case; `authorization` says that there was a token, and never which."""
    body: bytes
    caller: str
    token: str | None = field(repr=False, compare=False, default=None)
    route: str = ""
    """The name of its route, such as `GET /deployments/{uuid}`; "" where there is none."""
    status: int = 0
    """What it was answered; 0 where it was not."""
    at: float = 0.0
    """When, in seconds of the stand-in's clock."""

    @property
    def is_json(self) -> bool:
        """Tell whether the body is declared to be JSON."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"

    @property
    def wants_json(self) -> bool:
        """Tell whether errors of the framework are to be JSON."""
        return "json" in self.headers.get("accept", "")

    def json(self) -> Any:
        """Return the body decoded; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None
