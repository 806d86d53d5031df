"""A process that knows nothing but a target and a record: `python -m fraisier.testing.elsewhere < REQUEST`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from fraisier.contract.models import HealthCheck, Release, Target
from fraisier.contract.session import Session
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.provider import Provider
from fraisier.testing.fakes import RecordingProgress


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look, or the release to roll back to there."""

    provider: str
    options: dict[str, Any]
    folder: str
    health_check: HealthCheck | None
    release: Release | None


def main() -> None:
    """Read a request, tell the status or roll back, and write what the hook returned as the last line."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    provider = Provider.load(request.provider, Redactor(), lambda _: None)
    with Session() as session:
        target = Target(
            fraise="contract",
            environment="kit",
            provider=request.provider,
            options=request.options,
            folder=Path(request.folder),
            session=session,
            health_check=request.health_check,
        )
        if request.release is None:
            returned: object = provider.status(target)
        else:
            returned = provider.rollback(target, request.release, RecordingProgress())
    sys.stdout.buffer.write(msgspec.json.encode(returned) + b"\n")


if __name__ == "__main__":
    main()
