"""Which release to go back to: only one that was in service and healthy."""

from __future__ import annotations

from fraisier.contract.errors import RollbackFailedError, UsageError
from fraisier.contract.models import Release, Status
from fraisier.engine.attempt import shown
from fraisier.engine.configuration.config import Place
from fraisier.engine.state.history import History
from fraisier.engine.state.records import Success

_SHORTEST_REVISION = 6


def release_before(history: History, place: Place, status: Status) -> Release | None:
    """Return the release that a failed deployment goes back to.

    It is what the target tells to be in service, unless the history or the target knows that this never ended well
    (an interrupted deployment); then it is the last successful one.
    """
    told = status.release
    outcome = "not_success"
    if told is not None and told.revision is not None:
        outcome = history.outcome_of(place.fraise, place.environment, told.revision)
    if outcome == "success" or (outcome == "unknown" and status.proven):
        return told
    candidates = _candidates(history, place, status)
    if candidates:
        return candidates[0]
    # It was in service, at least.
    return told if outcome == "unknown" else None


def rollback_candidate(history: History, place: Place, status: Status, to: str | None) -> Release:
    """Return the release that `fraisier rollback` goes to.

    Args:
        history: what this machine knows.
        place: whose releases.
        status: what the target tells.
        to: a version, a revision or the beginning of one, or a deployment's identifier; None means the release
            that was in service before the present one was deployed.
    """
    told = status.release
    before = _before_the_present(history, place, told)
    candidates = _candidates(history, place, status, target_first=before is None)
    if to is not None:
        here = [told] if told is not None and told.revision is not None else []
        named = [release for release in [*candidates, *here] if _names(to, release)]
        named += _by_identifier(history, place, to)
        if named:
            return named[0]
        raise UsageError(f'no successful release "{to}" of {place.identifier} is known', hint=_listed(candidates))
    others = [release for release in candidates if told is None or release.revision != told.revision]
    for release in others:
        if before is None or release.revision == before:
            return release
    raise RollbackFailedError(
        f"{place.identifier} has no earlier successful release to go back to", hint=_listed(others)
    )


def _before_the_present(history: History, place: Place, told: Release | None) -> str | None:
    """Return the revision that the present one replaced when it was deployed, if the history knows.

    Going by this, and not by time, a second rollback goes further back and not forth again.
    """
    if told is None:
        return None
    for success in _successes(history, place):
        done = success.deployment
        if done.kind == "deploy" and done.revision == told.revision and done.previous_revision != done.revision:
            return done.previous_revision or ""
    return None


def _candidates(history: History, place: Place, status: Status, target_first: bool = False) -> list[Release]:
    """Return every release to go back to, newest first: what this machine recorded, then what the target tells.

    Where others have deployed last, the target knows better.
    """
    recorded = [each.release for each in _successes(history, place)]
    found: dict[str, Release] = {}
    for release in [*status.earlier, *recorded] if target_first else [*recorded, *status.earlier]:
        if release.revision is None:
            continue
        known = history.outcome_of(place.fraise, place.environment, release.revision)
        if known != "not_success":
            found.setdefault(release.revision, release)
    return list(found.values())


def _by_identifier(history: History, place: Place, to: str) -> list[Release]:
    successes = _successes(history, place)
    return [each.release for each in successes if to in (each.deployment.id, each.deployment.identifier)]


def _successes(history: History, place: Place) -> list[Success]:
    return history.successes(place.fraise, place.environment, place.provider, fallback=place.is_fallback)


def _names(to: str, release: Release) -> bool:
    revision = (release.revision or "").removeprefix("sha256:")
    return to == release.version or (len(to) >= _SHORTEST_REVISION and revision.startswith(to))


def _listed(candidates: list[Release]) -> str:
    if not candidates:
        return "deploy one: fraisier deploy FRAISE ENV --version V"
    names = ", ".join(shown(release.version, release.revision) for release in candidates[:10])
    return f"known: {names}"
