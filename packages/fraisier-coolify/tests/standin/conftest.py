"""A client that says no more than the test does, so that what the stand-in answers is seen as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from .coolify import Coolify


class Client:
    """Asks one stand-in with one token."""

    def __init__(self, coolify: Coolify, token: str) -> None:
        self._coolify = coolify
        self._session = requests.Session()
        self._session.headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def ask(
        self, method: str, path: str, body: Any = None, *, timeout: float = 20, **more: Any
    ) -> requests.Response:
        """Send a request, with a JSON body where one is given, and follow no redirect."""
        url = f"{self._coolify.url}/api/v1{path}"
        return self._session.request(method, url, json=body, allow_redirects=False, timeout=timeout, **more)

    def get(self, path: str, **query: Any) -> Any:
        """Return what is answered with 200."""
        return self._done(self.ask("GET", path, params=query), 200)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._done(self.ask("POST", path, body), status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self._done(self.ask("PATCH", path, body), status)

    def deploy(self, uuid: str, **more: Any) -> dict[str, Any]:
        """Deploy one resource and return the entry that it is answered."""
        (entry,) = self.post("/deploy", {"uuid": uuid, **more})["deployments"]
        return dict(entry)

    def rows(self, uuid: str, **query: Any) -> list[dict[str, Any]]:
        """Return the deployments of an application, newest first."""
        return list(self.get(f"/deployments/applications/{uuid}", **query)["deployments"])

    def close(self) -> None:
        self._session.close()

    def _done(self, answer: requests.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def client(coolify: Coolify) -> Iterator[Callable[[str], Client]]:
    """Make clients with tokens of their own: `client(coolify.add_token("read"))`."""
    made: list[Client] = []

    def make(token: str) -> Client:
        made.append(Client(coolify, token))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def api(coolify: Coolify, client: Callable[[str], Client]) -> Client:
    """A client that may do all that a deployer must."""
    return client(coolify.token)
