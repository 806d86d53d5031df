"""A Coolify server that runs: what tests set up, break, step and count."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from .certificate import Certificate
from .clock import Clock
from .containers import say
from .faults import Fault
from .inventory import Inventory
from .listener import Listener
from .request import Request
from .server import Api, handler
from .versions import NEWEST, Version
from .world import Application, Deployment, Pace, World


class Coolify(Inventory):
    """A server of one version with a team, a token of all abilities, a machine, and a project `shop`.

    `with Coolify("4.2.0") as coolify:` listens on a free port of 127.0.0.1 and ends with all that it has started.

    Args:
        version: what it says it is, and behaves like.
        port: where to listen; 0 takes a free port.
        certificate: serves over TLS where there is one.
        rate_limit: requests a minute for each user; Coolify's own default is 200.
    """

    def __init__(
        self,
        version: str = NEWEST,
        *,
        port: int = 0,
        certificate: Certificate | None = None,
        rate_limit: int = 10_000,
    ) -> None:
        world = World(Version(version))
        world.rate_limit = rate_limit
        world.is_api_enabled = True
        self._api = Api(world)
        self._listener = Listener(handler(self._api), port, certificate.context() if certificate else None)
        self.url = self._listener.url
        """The address as in `fraises.yaml`, without `/api/v1`."""
        super().__init__(world, self._api.lock)

    def __enter__(self) -> Coolify:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.ended.set()
        self._listener.stop()
        self.close()
        if self._api.defects:
            raise ExceptionGroup("the stand-in has defects", self._api.defects)

    @property
    def clock(self) -> Clock:
        """The server's clock; step it with `step`."""
        return self.world.clock

    @property
    def pace(self) -> Pace:
        """How long deployments take: set `pace.build = 3600` and one stays under way until `step(3600)`."""
        return self.world.pace

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first; clear it to count anew."""
        return self._api.requests

    def asked(self, route: str) -> list[Request]:
        """Return the requests of one route, such as `POST /deploy`."""
        return [each for each in self.requests if each.route == route]

    def fault(self, route: str, **what: Any) -> Fault:
        """Have something go wrong: see `Fault` for what there is."""
        with self._api.lock:
            return self._api.faults.add(Fault(route, **what))

    def step(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        with self._api.lock:
            self.clock.step(seconds)
            self.clock.catch_up()

    def put_in_service(self, application: Application, version: str = "1.0.0") -> Deployment:
        """Deploy one of `VERSIONS` as somebody did before, the branch having had no later commits then."""
        asked = self.version_of(application, version)
        with self._api.lock:
            pin = application.columns["git_commit_sha"]
            if application.kind == "dockerimage":
                application.columns["docker_registry_image_tag"] = asked
            row = self.deploy(application, commit=None if application.kind == "dockerimage" else asked)
            self.step(3600)
            application.columns["git_commit_sha"] = pin
        return row

    def deploy(
        self,
        application: Application,
        *,
        commit: str | None = None,
        is_api: bool = False,
        pull_request_id: int = 0,
    ) -> Deployment:
        """Queue a deployment as somebody else does, in the web interface or over the API, and return its row.

        With the number of a pull request it is one of a preview, which stands beside the application.
        """
        with self._api.lock:
            self.clock.catch_up()
            uuid = self._api.queue.add(
                application, commit=commit, force=True, is_api=is_api, pull_request_id=pull_request_id
            ).uuid
            return next(each for each in self.world.deployments if each.uuid == uuid)

    def fill_queue(self) -> None:
        """Have the machine's queue be as full as it may be, with what never ends."""
        busy = self.add_application(name="busy")
        server = self.server
        for number in range(server.concurrent_builds + server.queue_limit):
            status = "in_progress" if number < server.concurrent_builds else "queued"
            now = self.clock.now
            row = Deployment(self.world.id(), self.world.uuid(), busy, server, "HEAD", now, now, status)
            self.world.deployments.append(row)

    def empty_queue(self) -> None:
        """Forget what `fill_queue` has put there."""
        rows = self.world.deployments
        self.world.deployments = [each for each in rows if each.application.name != "busy"]

    def restart(self) -> None:
        """Restart Coolify: no open row survives it."""
        with self._api.lock:
            self.clock.catch_up()
            self._api.queue.fail_all()

    def say(self, application: Application, line: str) -> None:
        """Have the container that runs write a line to its log."""
        assert application.container is not None
        with self._api.lock:
            say(self.world, application.container, line)
