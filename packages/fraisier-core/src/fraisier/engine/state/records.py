"""What rows of the history become, and what structs become as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fraisier.contract.models import UTC, Deployment, Release


class FraiseState(msgspec.Struct, frozen=True, kw_only=True):
    """What the history knows of one fraise in one environment."""

    fraise: str
    environment: str
    type: str | None
    provider: str
    fallback: bool
    status: str
    """Of the last attempt; what follows is of the last success, or of what a failed deployment went back to."""
    version: str | None
    revision: str | None
    deployed_at: UTC | None


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that ended well, with all that is needed to come back to it."""

    deployment: Deployment
    release: Release


def deployment_of(row: Mapping[str, Any]) -> Deployment:
    """Convert a row of `v_deployment`."""
    documents = {
        "error": decoded(row["error"]),
        "steps": decoded(row["steps"]),
        "details": decoded(row["details"]) or {},
    }
    return msgspec.convert({**row, **documents}, Deployment)


def success_of(row: Mapping[str, Any]) -> Success:
    """Convert a row of `v_deployment` into what a rollback needs."""
    deployment = deployment_of(row)
    release = Release(version=deployment.version, revision=deployment.revision, details=deployment.details)
    return Success(deployment=deployment, release=release)


def state_of(row: Mapping[str, Any]) -> FraiseState:
    """Convert a row of `v_fraise_state`."""
    return msgspec.convert({**row, "fallback": bool(row["fallback"])}, FraiseState)


def encoded(value: Any) -> str | None:
    """Return a value as the JSON of a column; what JSON cannot hold is kept as its text, so a secret as `***`."""
    return None if value is None else msgspec.json.encode(value, enc_hook=str).decode()


def decoded(text: str | None) -> Any:
    """Return what the JSON of a column holds."""
    return None if text is None else msgspec.json.decode(text)
