"""What a provider's author tells the contract kit: a target to try things on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fraisier.contract.models import HealthCheck


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh target with nothing in service, and three versions for it.

    The kit deploys to it for real. Whatever the fixture that makes the case has started, it ends.
    """

    options: Mapping[str, Any]
    """Valid options, as they would stand under `config`; a `Secret` in them stands for a reference. A provider
    that takes secrets is given at least one."""
    first: str
    """A version that works."""
    second: str
    """Another version that works, with another revision."""
    broken: str
    """A version whose deployment fails, or that never becomes healthy."""
    folder: Path
    """Where `fraises.yaml` would stand."""
    fingerprint: Callable[[], object]
    """Returns something that compares unequal once the target was changed: a listing, a dump, a counter. What
    changes by itself, such as the service's log, is left out."""
    health_check: HealthCheck | None = None
    impossible: Mapping[str, Any] | None = None
    """Valid options of a target that cannot work (a host that is not there), for `pre_flight` to find."""
    deadline: float = 60.0
    """Seconds within which each hook that only looks must end on the impossible target, and after which a target
    is no longer `deploying`."""
    silent_url: str = ""
    """Address that accepts connections and never answers, as seen from the target; by default the kit's own."""
