"""Looking rows up as a token may see them: what belongs to another team is not there."""

from __future__ import annotations

from .answers import refusal
from .routing import Call
from .world import Application, Deployment, Environment, Project, Server, Service


def application(call: Call, *, message: str = "Application not found.") -> Application:
    """Return the application that the path names; some routes drop the full stop of the message."""
    for each in call.world.applications:
        if each.uuid == call.parameters["uuid"] and each.team is call.token.team:
            return each
    raise refusal(404, message)


def service(call: Call) -> Service:
    """Return the service that the path names."""
    for each in call.world.services:
        if each.uuid == call.parameters["uuid"] and each.team is call.token.team:
            return each
    raise refusal(404, "Service not found.")


def project(call: Call, uuid: str) -> Project:
    """Return a project by its uuid."""
    for each in call.world.projects:
        if each.uuid == uuid and each.team is call.token.team:
            return each
    raise refusal(404, "Project not found.")


def environment(of: Project, name_or_uuid: str) -> Environment:
    """Return an environment of a project by its name or uuid."""
    for each in of.environments:
        if name_or_uuid in (each.name, each.uuid):
            return each
    raise refusal(404, "Environment not found.")


def server(call: Call, uuid: str) -> Server:
    """Return a server by its uuid."""
    for each in call.world.servers:
        if each.uuid == uuid and each.team is call.token.team:
            return each
    raise refusal(404, "Server not found.")


def deployment(call: Call, *, any_team: bool = False) -> Deployment:
    """Return the row that the path names."""
    for each in call.world.deployments:
        if each.uuid == call.parameters["uuid"] and (any_team or each.application.team is call.token.team):
            return each
    raise refusal(404, "Deployment not found.")
