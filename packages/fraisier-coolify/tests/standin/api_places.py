"""What surrounds applications: version, teams, projects, environments, servers, and the list of everything."""

from __future__ import annotations

from typing import Any

from . import found, views
from .answers import Answer, encoded, invalid, refusal, text
from .routing import Call, route
from .world import Environment, Project


@route("GET", "/version", "read")
def version(call: Call) -> Answer:
    return text(str(call.world.version))


@route("GET", "/teams", "read")
def teams(call: Call) -> Answer:
    return encoded([views.team(call.world, call.token.team)])


@route("GET", "/teams/current", "read")
@route("GET", "/team", "read", "team_route")
def team(call: Call) -> Answer:
    return encoded(views.team(call.world, call.token.team))


@route("GET", "/servers", "read")
def servers(call: Call) -> Answer:
    own = [each for each in call.world.servers if each.team is call.token.team]
    return encoded([views.server(call.world, each) for each in own])


@route("GET", "/servers/{uuid}", "read")
def server(call: Call) -> Answer:
    return encoded(views.server(call.world, found.server(call, call.parameters["uuid"])))


@route("GET", "/projects", "read")
def projects(call: Call) -> Answer:
    return encoded([views.project_row(each) for each in call.world.projects if each.team is call.token.team])


@route("POST", "/projects", "write")
def create_project(call: Call) -> Answer:
    sent = call.body()
    if not isinstance(sent.get("name"), str):
        raise invalid({"name": ["The name field is required."]})
    world = call.world
    production = Environment(world.id(), world.uuid(), "production")
    made = Project(world.id(), world.uuid(), sent["name"], call.token.team, [production])
    world.projects.append(made)
    return encoded({"uuid": made.uuid}, 201)


@route("GET", "/projects/{uuid}", "read")
def project(call: Call) -> Answer:
    row = found.project(call, call.parameters["uuid"])
    return encoded(
        views.project_row(row) | {"environments": [views.environment(each) for each in row.environments]}
    )


@route("GET", "/projects/{uuid}/environments", "read")
def environments(call: Call) -> Answer:
    row = found.project(call, call.parameters["uuid"])
    return encoded([views.environment(each) for each in row.environments])


@route("POST", "/projects/{uuid}/environments", "write")
def create_environment(call: Call) -> Answer:
    sent = call.body()
    row = found.project(call, call.parameters["uuid"])
    if not isinstance(sent.get("name"), str):
        raise invalid({"name": ["The name field is required."]})
    if any(each.name == sent["name"] for each in row.environments):
        raise refusal(409, "Environment with this name already exists.")
    made = Environment(call.world.id(), call.world.uuid(), sent["name"])
    row.environments.append(made)
    return encoded({"uuid": made.uuid}, 201)


@route("GET", "/projects/{uuid}/{environment}", "read")
def environment(call: Call) -> Answer:
    project = found.project(call, call.parameters["uuid"])
    row = found.environment(project, call.parameters["environment"])
    world, secrets = call.world, call.sees_secrets
    told: dict[str, Any] = views.environment(row) | {
        "project_id": project.id,
        "applications": [
            views.application(world, each, secrets=secrets)
            for each in world.applications
            if each.environment is row
        ],
        "services": [
            views.service(world, each, secrets=secrets) for each in world.services if each.environment is row
        ],
        "postgresqls": [],
        "redis": [],
    }
    return encoded(told)


@route("GET", "/resources", "read")
def resources(call: Call) -> Answer:
    world, team = call.world, call.token.team
    applications = [
        views.application(world, each, secrets=call.sees_secrets) | {"type": "application"}
        for each in world.applications
        if each.team is team
    ]
    services = [
        views.service(world, each, secrets=call.sees_secrets) | {"type": "service"}
        for each in world.services
        if each.team is team
    ]
    return encoded([*applications, *services])
