"""A process that rolls back and knows nothing but a record: `python -m fraisier.testing.elsewhere < REQUEST`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from fraisier.contract.models import HealthCheck, Release
from fraisier.testing.bench import Bench
from fraisier.testing.case import Case


def main() -> None:
    """Read a request, roll back, and fail unless that came to the release asked for."""
    request = json.load(sys.stdin)
    check = request["health_check"]
    case = Case(
        options=request["options"],
        first="",
        second="",
        broken="",
        folder=Path(request["folder"]),
        health_check=None if check is None else msgspec.convert(check, HealthCheck),
    )
    release = msgspec.convert(request["release"], Release)
    bench = Bench(request["provider"], case)
    with bench.session:
        deployed = bench.provider.rollback(bench.target(), release, bench.progress)
    wanted, got = (release.version, release.revision), (deployed.version, deployed.revision)
    if wanted != got:
        sys.exit(f"rollback was to come to {wanted} and returned {got}")


if __name__ == "__main__":
    main()
