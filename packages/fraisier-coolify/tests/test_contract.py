"""`coolify` passes the contract kit for each kind of application and for services, on five versions of Coolify."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from fraisier import HealthCheck, Secret
from fraisier.testing import Case, ProviderContract

from .standin.coolify import Coolify
from .standin.versions import NEWEST, OFFERED
from .standin.world import Kind, Service

POLL = 0.05
HEAD_UNKNOWN = {
    "test_deploying_the_same_again_does_nothing": "Coolify does not tell the head of a branch before it builds it"
}


def versions(*texts: str, quick: bool = False) -> pytest.MarkDecorator:
    """Run a class of tests on several versions; but for the newest one of the quick ones, they are `slow`."""
    marked = [pytest.param(each, marks=[] if quick and each == NEWEST else pytest.mark.slow) for each in texts]
    return pytest.mark.parametrize("coolify", marked, indirect=True)


class CoolifyContract(ProviderContract):
    provider = "coolify"
    kind: ClassVar[Kind] = "dockerimage"
    more: ClassVar[dict[str, Any]] = {}
    columns: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _pace(self, coolify: Coolify, request: pytest.FixtureRequest) -> None:
        """Have a deployment take so long that a second one meets it, where one tries to."""
        if request.node.originalname == "test_a_second_deployment_at_the_same_time_is_refused":
            coolify.pace.build = 0.4

    @pytest.fixture
    def case(self, coolify: Coolify, tmp_path: Path) -> Case:
        made = self.made(coolify)
        options = {
            "url": coolify.url,
            "api_key": Secret(coolify.token, "${COOLIFY_TOKEN}"),
            "environment": {"API_SECRET": Secret("a-value-that-nobody-may-see")},
            "poll_interval": POLL,
            "settle_timeout": 5.0,
            **made,
            **self.more,
        }
        return Case(
            options=options,
            first=self.version(coolify, "1.0.0"),
            second=self.version(coolify, "1.1.0"),
            broken=self.version(coolify, "broken"),
            folder=tmp_path,
            health_check=HealthCheck(url=self.site(coolify), expect_body="{version}", timeout=1.0),
            impossible={**options, "url": "http://127.0.0.1:9"},
            fingerprint=lambda: everything_set(coolify),
        )

    def made(self, coolify: Coolify) -> dict[str, Any]:
        application = coolify.add_application(self.kind, **self.columns)
        return {"application": {"name": application.name, "project": "shop", "environment": "production"}}

    def version(self, coolify: Coolify, name: str) -> str:
        return coolify.version_of(coolify.world.applications[0], name)

    def site(self, coolify: Coolify) -> str:
        return coolify.site(coolify.world.applications[0])


def everything_set(coolify: Coolify) -> str:
    """Return all that a client can change; a status changes by itself, a while after a deployment."""
    world = coolify.world
    applications = [(each.columns, each.settings, each.variables) for each in world.applications]
    services = [(each.compose, each.variables, each.starting) for each in world.services]
    return repr((applications, services, [(row.uuid, row.status) for row in world.deployments]))


@versions(*OFFERED, quick=True)
class TestImageTag(CoolifyContract):
    kind = "dockerimage"


class ByBranch(CoolifyContract):
    more: ClassVar[dict[str, Any]] = {"version_by": "branch"}
    unsupported = HEAD_UNKNOWN

    def version(self, coolify: Coolify, name: str) -> str:
        return name


@versions(*OFFERED)
class TestBranch(ByBranch):
    kind = "nixpacks"


@versions("4.2.0", "4.3.0", "4.3.11", quick=True)
class TestCommit(CoolifyContract):
    kind = "dockerfile"
    columns: ClassVar[dict[str, Any]] = {"health_check_enabled": True}


@versions("4.2.0", "4.3.0", "4.3.11")
class TestComposeByCommit(CoolifyContract):
    kind = "dockercompose"


@versions("4.0.0-beta.470", "4.1.2")
class TestComposeByBranch(ByBranch):
    kind = "dockercompose"


class OfService(CoolifyContract):
    more: ClassVar[dict[str, Any]] = {"version_by": "env:TAG"}

    def made(self, coolify: Coolify) -> dict[str, Any]:
        return {"service": self.service(coolify).uuid}

    def service(self, coolify: Coolify) -> Service:
        return coolify.world.services[0] if coolify.world.services else coolify.add_service()

    def version(self, coolify: Coolify, name: str) -> str:
        return name

    def site(self, coolify: Coolify) -> str:
        return coolify.site(self.service(coolify))


@versions("4.2.0", "4.3.0", "4.3.11", quick=True)
class TestService(OfService):
    pass


@versions("4.0.0-beta.470", "4.1.2")
class TestServiceWithoutLogs(OfService):
    unsupported: ClassVar[dict[str, str]] = {
        "test_logs_are_bounded": "Coolify gives logs of services from 4.2.0 on"
    }
