"""Coolify's queue of deployments: the rows of an application, taking a place in it, and giving it up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fraisier import DeploymentLockedError, Progress, TargetError

from fraisier_coolify.api import segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.errors import CoolifyError
from fraisier_coolify.resources import Application, Row, read

_TAKE: Final = 10
_TRIES: Final = 3
_LOOKS: Final = 3
"""How often a deployment is looked for whose answer was lost, before it is asked for again."""
_CANCEL_SECONDS: Final = 15.0


class Turn(NamedTuple):
    """The moment in which a deployment may be queued."""

    newest: int
    """The id of the newest deployment so far."""
    joined: Row | None = None
    """The deployment of the same commit that runs already."""


def recent(coolify: Coolify, application: Application) -> list[Row]:
    """Return the newest deployments of an application, newest first, without those of previews."""
    path = f"/deployments/applications/{segment(application.uuid)}"
    found = [read(Row, each) for each in coolify.client.list(path, "deployments", skip=0, take=_TAKE)]
    return sorted((row for row in found if not row.pull_request_id), key=lambda row: row.id, reverse=True)


def wait_for_turn(
    coolify: Coolify, application: Application, commit: str | None, progress: Progress, deadline: float
) -> Turn:
    """Wait until no other deployment of the application waits or runs.

    Args:
        coolify: the server.
        application: whose deployments.
        commit: the one to be deployed; a push or a person who deploys it already is joined.
        progress: hears what is waited for.
        deadline: on the monotonic clock.

    Raises:
        DeploymentLockedError: another client of the API is deploying; it may be fraisier on another machine.
    """
    said = ""
    while True:
        rows = recent(coolify, application)
        others = [row for row in rows if row.is_active]
        if not others:
            return Turn(rows[0].id if rows else 0)
        first = others[-1]
        if any(row.is_api for row in others):
            raise _locked(coolify, application, first)
        joined = [row for row in others if commit is not None and row.commit == commit]
        which = _described(coolify, first)
        if joined:
            progress.line(f"joins the deployment of the same commit that runs already: {which}")
            return Turn(rows[0].id, joined[0])
        if time.monotonic() > deadline:
            raise TargetError(f"the deployment before did not end in time: {which}", hint="cancel it in Coolify")
        if which != said:
            progress.line(f"waiting for a deployment that began before: {which}")
            said = which
        coolify.pause()


def start(coolify: Coolify, application: Application, newest: int, *, force: bool, seconds: float) -> Row:
    """Queue a deployment, and return its row as it really stands in the queue.

    Args:
        coolify: the server.
        application: what to deploy.
        newest: the id of the newest row before.
        force: without Coolify's cache, and without its look for duplicates.
        seconds: how long a full queue is waited for.
    """
    # Older versions of Coolify read the address alone, and take any text there for yes.
    query = {"uuid": application.uuid, **({"force": "true"} if force else {})}
    return _queued(coolify, application, newest, lambda: coolify.client.post("/deploy", None, query, seconds))


def start_rollback(coolify: Coolify, application: Application, newest: int, commit: str, seconds: float) -> Row:
    """Queue the way back to a commit, whose build is taken if it is still there, and return its row."""
    path, body = f"/applications/{segment(application.uuid)}/rollback", {"commit": commit}
    return _queued(coolify, application, newest, lambda: coolify.client.post(path, body, patience=seconds))


def look(coolify: Coolify, application: Application, uuid: str) -> Row:
    """Return a deployment as it stands now."""
    if coolify.version.can("follows_by_uuid"):
        return read(Row, coolify.client.object(f"/deployments/{segment(uuid)}"))
    for row in recent(coolify, application):
        if row.deployment_uuid == uuid:
            return row
    raise CoolifyError("not_found", f"GET /deployments/{uuid}", words="it is not in the application's list")


def cancel(coolify: Coolify, application: Application, row: Row) -> Row:
    """Cancel a deployment, and return it as it ended; it may have ended in another way before."""
    try:
        coolify.client.post(f"/deployments/{segment(row.deployment_uuid)}/cancel", patience=_CANCEL_SECONDS)
    except CoolifyError as error:
        # 4.1.0 to 4.3.6 answer 500 and have cancelled it; 400 means that it has ended. What it is now counts.
        if error.status not in (400, 500) and not error.passing:
            raise
    return look(coolify, application, row.deployment_uuid)


def _queued(coolify: Coolify, application: Application, newest: int, ask: Callable[[], Any]) -> Row:
    for attempt in range(1, _TRIES + 1):
        try:
            answer = ask()
        except CoolifyError as error:
            # The answer is lost, and the deployment may be in the queue all the same.
            if not error.perhaps_done:
                raise
            # Coolify may still be at work on what it did not answer in time.
            for _ in range(_LOOKS):
                if (found := appeared(coolify, application, newest)) is not None:
                    return found
                coolify.pause()
            if attempt == _TRIES:
                raise
        else:
            return _resolved(coolify, application, newest, answer, repeated=attempt > 1)
    raise AssertionError("the last try returns or raises")


def _resolved(coolify: Coolify, application: Application, newest: int, answer: Any, *, repeated: bool) -> Row:
    """Return the row that an answer means: it may name one that was never stored.

    Where the question was repeated, the first one may have come to something after all: then that counts.
    """
    told, rows = _told(answer), recent(coolify, application)
    uuid = told.get("deployment_uuid")
    found = next((row for row in rows if row.deployment_uuid == uuid), None)
    # Coolify took ours for the same as one that came in between, and the uuid is one of nothing.
    found = found or next((row for row in rows if row.is_active or row.id > newest), None)
    if found is None:
        words = " ".join(coolify.masked(str(told.get("message") or "")).split())[:200]
        raise TargetError(f'Coolify queued no deployment: "{words}"', hint="see the application in Coolify")
    ahead = [row for row in rows if row.is_active and row.is_api and newest < row.id < found.id]
    if ahead:
        # Two machines found nobody at work at the same moment; the first in the queue goes on.
        cancel(coolify, application, found)
        if repeated:
            return ahead[-1]
        raise _locked(coolify, application, ahead[-1])
    return found


def _told(answer: Any) -> Mapping[str, Any]:
    """Return what an answer says about one deployment: `/deploy` has a list of them."""
    if not isinstance(answer, Mapping):
        return {}
    several = answer.get("deployments")
    first = several[0] if isinstance(several, list) and several else answer
    return first if isinstance(first, Mapping) else {}


def appeared(coolify: Coolify, application: Application, newest: int) -> Row | None:
    """Return the deployment that came after the newest one known, and was asked for as we ask."""
    rows = recent(coolify, application)
    return next((row for row in rows if row.id > newest and row.is_api is not False), None)


def _locked(coolify: Coolify, application: Application, row: Row) -> DeploymentLockedError:
    message = (
        f"{application.name} is being deployed by another client of Coolify's API: {_described(coolify, row)}"
    )
    return DeploymentLockedError(message, hint="wait for it, or cancel it in Coolify")


def _described(coolify: Coolify, row: Row) -> str:
    since = f" since {row.began:%Y-%m-%d %H:%M:%S} UTC" if row.began else ""
    return f"{coolify.link(row.deployment_url)}, {row.status.replace('_', ' ')}{since}"
