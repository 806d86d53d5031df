"""The API over HTTP: each request is recorded, may meet a fault, passes the gate, and is answered."""

from __future__ import annotations

import threading
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from . import (  # noqa: F401 - those of the API register its routes
    api_applications,
    api_create,
    api_deploy,
    api_places,
    api_services,
    api_variables,
    routing,
)
from .answers import Answer, Refusal, page, refusal, text, unknown_route
from .deployments import Queue
from .faults import Fault, Faults
from .gate import Gate
from .listener import Handler
from .request import HIDDEN, Request
from .routing import Found
from .world import World

PREFIX = "/api/v1"
HEALTH = ("/api/health", "/api/v1/health")


class Outcome(NamedTuple):
    """What goes over the wire; without an answer, the connection is closed."""

    answer: Answer | None
    cut: bool
    date: str


class Api:
    """Answers requests from the state; everything that is held here is read and written under `lock`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.RLock()
        self.queue = Queue(world)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.ended = threading.Event()
        self.defects: list[Exception] = []
        self._gate = Gate(world)

    def answer(self, request: Request, target: str) -> Outcome:
        """Answer a request, or do to it what a fault says."""
        with self.lock:
            self.world.clock.step(self.world.pace.request)
            self.world.clock.catch_up()
            found = routing.find(self.world, request.method, request.path.removeprefix(PREFIX))
            if request.path in HEALTH:
                request.route = "GET /health"
            elif found is not None and request.path.startswith(PREFIX):
                request.route = found.route.name
            request.at = self.world.clock.now
            self.requests.append(request)
            fault = self.faults.take(request)
        if fault is not None and fault.slow:
            self.ended.wait(fault.slow)
        with self.lock:
            self.world.clock.catch_up()
            answer = self._disturbed(request, found, target, fault) if fault else self._answer(request, found)
            date = format_datetime(self.world.clock.moment(), usegmt=True)
        request.status = answer.status if answer else 0
        return Outcome(answer, bool(fault and fault.cut), date)

    def _disturbed(self, request: Request, found: Found | None, target: str, fault: Fault) -> Answer | None:
        if fault.restart:
            self.queue.fail_all()
        instead = fault.instead(target)
        if fault.refused:
            return None
        if instead is not None and not fault.done:
            return instead
        answer = self._answer(request, found)
        return None if fault.lost else instead or answer

    def _answer(self, request: Request, found: Found | None) -> Answer:
        if request.path in HEALTH:
            return text("OK")
        if not request.path.startswith(PREFIX):
            return page(404)
        try:
            if found is None:
                raise unknown_route()
            return self._controlled(request, found)
        except Refusal as refused:
            # Without an Accept header, the framework answers a page instead of `{"message": ...}`.
            html = refused.answer.status == 500 and not request.wants_json
            return page(500) if html else refused.answer

    def _controlled(self, request: Request, found: Found) -> Answer:
        token, headers = self._gate.enter(request, found.route.ability)
        call = routing.Call(self.world, self.queue, request, token, found.parameters)
        try:
            answer = found.route.controller(call)
        except Refusal as refused:
            refused.answer.headers.update(headers)
            raise
        except Exception as defect:  # noqa: BLE001 - of the stand-in itself: whoever ends it is to hear of it
            self.defects.append(defect)
            raise refusal(500, "Server Error") from None
        answer.headers.update(headers)
        return answer


def handler(api: Api) -> type[Handler]:
    """Return the class that reads requests for an API."""

    class ApiHandler(Handler):
        def handle_any(self) -> None:
            outcome = api.answer(self._read(), self.path)
            if outcome.answer is None:
                self.hang_up()
                return
            self.send(outcome.answer, date=outcome.date, cut=outcome.cut)
            if outcome.cut:
                self.hang_up()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names are http.server's

        def _read(self) -> Request:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            scheme, _, token = headers.get("authorization", "").partition(" ")
            if "authorization" in headers:
                headers["authorization"] = HIDDEN
            return Request(
                method=self.command,
                path=unquote(parts.path),
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers=headers,
                body=self.rfile.read(int(headers.get("content-length", 0))),
                caller=self.client_address[0],
                token=token if scheme.lower() == "bearer" else None,
            )

    return ApiHandler
