"""A Coolify server that stands in for a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .standin.coolify import Coolify
from .standin.versions import NEWEST


@pytest.fixture
def coolify(request: pytest.FixtureRequest) -> Iterator[Coolify]:
    """A stand-in of the newest version, or of the one given by `parametrize("coolify", [...], indirect=True)`."""
    with Coolify(getattr(request, "param", NEWEST)) as running:
        yield running
