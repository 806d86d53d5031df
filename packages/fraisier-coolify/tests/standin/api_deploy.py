"""Deploying: by uuid or tag, start, stop, restart, rollback, the queue, and cancelling."""

from __future__ import annotations

import json
import re
from typing import Any

from . import found, stacks, views
from .answers import Answer, Refusal, encoded, invalid, refusal
from .columns import COMMIT
from .containers import settle
from .routing import Call, post_only, route
from .world import Application, Deployment, Service

FULL = "Deployment queue is full. Please wait for existing deployments to complete."
SKIPPED = "Deployment already queued for this commit."


@route("GET", "/deploy", "deploy")
@route("POST", "/deploy", "deploy")
def deploy(call: Call) -> Answer:
    post_only(call)
    sent = call.sent()
    uuids, tags = sent.get("uuid"), sent.get("tag")
    pull_request = int(sent.get("pull_request_id") or sent.get("pr") or 0)
    if uuids and tags:
        raise refusal(400, "You can only use uuid or tag, not both.")
    if not uuids and not tags:
        raise refusal(400, "You must provide uuid or tag.")
    if sent.get("docker_tag") and call.world.version.has("docker_tag") and not pull_request:
        raise refusal(400, "docker_tag requires pull_request_id.")
    if tags:
        return _deploy_tags(call, str(tags).split(","))
    # Split and not stripped: a name after a space is unknown, and silently so.
    rows = [row for uuid in str(uuids).split(",") for row in _resources(call) if row.uuid == uuid]
    if not rows:
        raise refusal(404, "No resources found.")
    return encoded({"deployments": [_deploy(call, row, pull_request) for row in rows]})


def _deploy_tags(call: Call, tags: list[str]) -> Answer:
    rows = [row for row in _resources(call) if not row.tags.isdisjoint(tags)]
    if not rows:
        raise refusal(404, "No resources found with this tag.")
    told = [_deploy(call, row, 0) for row in rows]
    details = [{key: value for key, value in each.items() if key != "message"} for each in told]
    return encoded({"message": [each["message"] for each in told], "details": details})


def _resources(call: Call) -> list[Application | Service]:
    own = [each for each in call.world.applications if each.team is call.token.team]
    return [*own, *(each for each in call.world.services if each.team is call.token.team)]


def _deploy(call: Call, row: Application | Service, pull_request: int) -> dict[str, Any]:
    if isinstance(row, Service):
        stacks.start(call.world, row, row.parts, pull=False)
        message = f"Service {row.name} started. It could take a while, be patient."
        return {"message": message, "resource_uuid": row.uuid}
    if pull_request:
        return {"message": f"Pull request {pull_request} not found for this resource.", "resource_uuid": row.uuid}
    entry = call.queue.add(row, force=call.flag("force"))
    if entry.outcome == "full":
        raise refusal(429, FULL, {"Retry-After": "60"})
    message = SKIPPED if entry.outcome == "skipped" else f"Application {row.name} deployment queued."
    # The same key in both cases: a skipped one has an identifier that nothing will ever have.
    return {"message": message, "resource_uuid": row.uuid, "deployment_uuid": entry.uuid}


@route("GET", "/applications/{uuid}/start", "deploy")
@route("POST", "/applications/{uuid}/start", "deploy")
def start(call: Call) -> Answer:
    post_only(call)
    row = found.application(call)
    entry = call.queue.add(row, force=call.flag("force"), instant=call.flag("instant_deploy"))
    if entry.outcome == "skipped":
        return encoded({"message": SKIPPED})
    # A full queue is told nobody here: the identifier is one that does not exist.
    return encoded({"message": "Deployment request queued.", "deployment_uuid": entry.uuid})


@route("GET", "/applications/{uuid}/restart", "deploy")
@route("POST", "/applications/{uuid}/restart", "deploy")
def restart(call: Call) -> Answer:
    post_only(call)
    entry = call.queue.add(found.application(call), restart_only=True)
    if entry.outcome == "skipped":
        return encoded({"message": SKIPPED})
    return encoded({"message": "Restart request queued.", "deployment_uuid": entry.uuid})


@route("GET", "/applications/{uuid}/stop", "deploy")
@route("POST", "/applications/{uuid}/stop", "deploy")
def stop(call: Call) -> Answer:
    post_only(call)
    row = found.application(call)
    row.container = None
    if call.flag("docker_cleanup", default=True):
        row.images.clear()
    settle(call.world, row)
    return encoded({"message": "Application stopping request queued."})


@route("POST", "/applications/{uuid}/rollback", "deploy", "rollback")
def rollback(call: Call) -> Answer:
    sent = call.body()
    row = found.application(call)
    errors = {key: ["This field is not allowed."] for key in sent if key != "commit"}
    commit = sent.get("commit")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        errors["commit"] = ["The commit field format is invalid."]
    if errors:
        raise invalid(errors)
    entry = call.queue.add(row, commit=commit, rollback=True)
    if entry.outcome == "full":
        raise refusal(400, FULL)
    return encoded({"message": "Rollback deployment queued.", "deployment_uuid": entry.uuid})


@route("GET", "/deployments", "read")
def deployments(call: Call) -> Answer:
    rows = [row for row in call.world.deployments if row.is_open and row.application.team is call.token.team]
    told = [views.deployment(call.world, row, secrets=call.sees_secrets, embedded=False) for row in rows]
    running_first = sorted(range(len(rows)), key=lambda index: rows[index].status != "in_progress")
    if running_first == list(range(len(rows))):
        return encoded(told)
    # Sorted after they were read, and so no longer a list.
    return encoded({str(running_first.index(index)): each for index, each in enumerate(told)})


@route("GET", "/deployments/{uuid}", "read")
def deployment(call: Call) -> Answer:
    if call.world.version.has("deployment_route_broken"):
        raise refusal(404, "Deployment not found.")
    row = found.deployment(call)
    return encoded(views.deployment(call.world, row, secrets=call.sees_secrets, embedded=True))


@route("GET", "/deployments/applications/{uuid}", "read")
def deployments_of(call: Call) -> Answer:
    skip, take = _paging(call, "skip", 0, least=0), _paging(call, "take", 10, least=1)
    row = found.application(call, message="Application not found")
    rows = [each for each in call.world.deployments if each.application is row]
    newest_first = sorted(rows, key=lambda each: each.id, reverse=True)[skip : skip + take]
    told = [views.deployment(call.world, each, secrets=call.sees_secrets, embedded=False) for each in newest_first]
    return encoded({"count": len(rows), "deployments": told})


def _paging(call: Call, name: str, default: int, least: int) -> int:
    text = call.request.query.get(name, str(default))
    if re.fullmatch(r"-?\d+", text) and int(text) >= least:
        return int(text)
    message = f"The {name} field must be at least {least}."
    if not call.request.wants_json:
        # The framework sends a browser back to where it came from.
        raise Refusal(Answer(302, b"", "text/html; charset=UTF-8", {"Location": "/"}))
    raise Refusal(Answer(422, json.dumps({"message": message, "errors": {name: [message]}}).encode()))


@route("POST", "/deployments/{uuid}/cancel", "deploy")
def cancel(call: Call) -> Answer:
    row: Deployment = found.deployment(call, any_team=True)
    if row.application.team is not call.token.team:
        raise refusal(403, "You do not have permission to cancel this deployment.")
    if not row.is_open:
        raise refusal(400, f"Deployment cannot be cancelled. Current status: {row.status}")
    call.queue.cancel(row)
    if call.world.version.has("cancel_answers_500"):
        raise refusal(500, "Failed to cancel deployment: Call to undefined function next_queuable()")
    message = "Deployment cancelled successfully."
    return encoded({"message": message, "deployment_uuid": row.uuid, "status": row.status})
