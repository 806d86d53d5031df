"""The one module that talks HTTP: a client of Coolify's API that keeps its deadlines and never repeats blindly."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
import requests
from fraisier import Secret
from urllib3.exceptions import MaxRetryError, NewConnectionError

from fraisier_coolify import decoding
from fraisier_coolify.budget import Budget
from fraisier_coolify.errors import CoolifyError, refusal
from fraisier_coolify.versions import Version

CONNECT_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 90.0
"""How long a request is repeated; more than the minute after which a rate limit begins anew."""
ATTEMPTS: Final = 4
_LARGEST: Final = 64 * 1024 * 1024
_SHORTEST: Final = 0.05
_CHUNK: Final = 64 * 1024
_SECRET_LENGTH: Final = 8
_LONGEST_PAUSE: Final = 8.0

Object = Mapping[str, Any]
T = TypeVar("T")


class _Request(NamedTuple):
    method: str
    path: str
    body: Object | None = None
    query: Object | None = None
    read_seconds: float | None = None


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Bearer(requests.auth.AuthBase):
    """Puts the token on each request, and keeps `.netrc` from putting something else there."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class CoolifyClient:
    """A Coolify server as one token sees it.

    Reading, and writing that comes to the same when it is done twice, is repeated with back-off, and as
    `Retry-After` asks. A POST is repeated only when it changed nothing for certain. Redirects are never followed.

    Args:
        url: the root of the server, such as `https://coolify.example.com`.
        token: with its number and the `|`.
        ca_bundle: certificates to trust in place of the usual ones.
        read_seconds: how long one answer may take, to its last byte.
        pause: seconds before the first repetition; it doubles.
        budget: requests a minute.

    Every method raises `CoolifyError`.
    """

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        ca_bundle: Path | None = None,
        read_seconds: float = 30.0,
        pause: float = 1.0,
        budget: Budget | None = None,
    ) -> None:
        self.url = url
        self.requests = 0
        """How many requests were made."""
        self.tell: Callable[[str], None] = lambda _: None
        """Hears of longer waits."""
        self._patience = PATIENCE_SECONDS
        self._read_seconds = read_seconds
        self._pause = pause
        self._budget = budget or Budget()
        self.uuids: dict[str, str] = {}
        """What names were found to stand for, for the hooks of this operation."""
        self._version: Version | None = None
        self._clock_ahead = timedelta()
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._token = token
        self._session.headers.update({"Accept": "application/json", "User-Agent": "fraisier-coolify"})
        self._verify: str | bool = str(ca_bundle) if ca_bundle else True

    def __repr__(self) -> str:
        return f"CoolifyClient({self.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def now(self) -> datetime:
        """The server's own time, going by its last answer: what its records are to be compared with."""
        return datetime.now(UTC) + self._clock_ahead

    def version(self) -> Version:
        """Return the version of Coolify, asked once."""
        if self._version is None:
            told = self.get("/version")
            # A proxy answers a page of its own with 200.
            if not isinstance(told, str) or "<" in told:
                raise CoolifyError("not_coolify", f"GET {self._address('/version')}")
            self._version = Version(told)
        return self._version

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        """Have each request meanwhile end within so many seconds, with all of its repetitions."""
        before, self._patience = self._patience, seconds
        try:
            yield
        finally:
            self._patience = before

    def get(self, path: str, **query: Any) -> Any:
        """Read; the answer is JSON, or text where Coolify gives text."""
        return self._repeated(_Request("GET", path, query=query))

    def list(self, path: str, wrapper: str = "", **query: Any) -> list[Object]:
        """Read a list, in whichever shape it comes."""
        return self._shaped(path, lambda: decoding.items(self.get(path, **query), wrapper))

    def object(self, path: str) -> Object:
        """Read one object."""

        def read() -> Object:
            found = self.get(path)
            if not isinstance(found, Mapping):
                raise ValueError(f"expected an object, got {type(found).__name__}")  # noqa: TRY004 - it is data
            return found

        return self._shaped(path, read)

    def patch(self, path: str, body: Object) -> Any:
        """Change something to what `body` says, however often."""
        return self._repeated(_Request("PATCH", path, body))

    def post(
        self,
        path: str,
        body: Object | None = None,
        query: Object | None = None,
        patience: float | None = None,
        read_seconds: float | None = None,
    ) -> Any:
        """Do something, once.

        Args:
            path: below `/api/v1`.
            body: as JSON.
            query: part of the address.
            patience: seconds to go on asking where nothing was done for certain; None is as for other requests.
            read_seconds: how long the answer may take, where that is longer than for others.

        Raises:
            CoolifyError: with `perhaps_done`, look whether it was done before asking again.
        """
        return self._repeated(_Request("POST", path, body, query, read_seconds), patience)

    def _shaped(self, path: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            raise CoolifyError("not_coolify", f"GET {self._address(path)}", words=str(error)) from None

    def _repeated(self, request: _Request, patience: float | None = None) -> Any:
        """Make a request until it succeeds, fails for good, or has taken too long."""
        until = time.monotonic() + (self._patience if patience is None else patience)
        pause, failed = self._pause, 0
        while True:
            try:
                return self._once(request, until)
            except CoolifyError as error:
                again = error.passing and (request.method != "POST" or not error.perhaps_done)
                wait = jittered(pause) if error.retry_after is None else error.retry_after
                failed += error.retry_after is None
                if not again or failed == ATTEMPTS or time.monotonic() + wait > until:
                    raise
                if error.retry_after:
                    self.tell(f"{error.message}; trying again in {wait:g} s")
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _once(self, request: _Request, until: float) -> Any:
        command = f"{request.method} {self._address(request.path)}"
        answer = self._exchanged(request, command, until)
        try:
            found = decoding.decoded(answer.headers.get("Content-Type", ""), answer.body)
        except ValueError:
            raise CoolifyError("garbled", command, status=answer.status) from None
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(answer.status, found, answer.headers, command)
        return found

    def _exchanged(self, request: _Request, command: str, until: float) -> _Answer:
        """Make one request and read its answer to the end."""
        self._budget.spend()
        self.requests += 1
        seconds = min(request.read_seconds or self._read_seconds, max(_SHORTEST, until - time.monotonic()))
        content = None if request.body is None else msgspec.json.encode(request.body)
        try:
            with self._session.request(
                request.method,
                self._address(request.path),
                params=dict(request.query or {}),
                data=content,
                headers={} if content is None else {"Content-Type": "application/json"},
                timeout=(min(CONNECT_SECONDS, seconds), seconds),
                allow_redirects=False,
                stream=True,
                verify=self._verify,
            ) as response:
                return self._read(response, time.monotonic() + seconds)
        except requests.RequestException as error:
            failure = _unanswered(error, command, seconds)
        # Raised out here, so that the exception of requests, which holds the headers, is not kept as its context.
        raise failure

    def _read(self, response: requests.Response, deadline: float) -> _Answer:
        """Read a body within a deadline for all of it: that of a socket begins anew with every byte."""
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
            if len(body) > _LARGEST:
                raise requests.ConnectionError("the answer does not end")
        if told := response.headers.get("Date"):
            self._set_clock(told)
        return _Answer(response.status_code, response.headers, self._without_token(bytes(body)))

    def _without_token(self, body: bytes) -> bytes:
        """Mask the token where the server says it back, also without the number that it is known by."""
        token = self._token.reveal()
        for each in (token, token.rpartition("|")[2]):
            if len(each) >= _SECRET_LENGTH:
                body = body.replace(each.encode(), b"***")
        return body

    def _set_clock(self, told: str) -> None:
        try:
            self._clock_ahead = parsedate_to_datetime(told) - datetime.now(UTC)
        except (ValueError, TypeError):
            self._clock_ahead = timedelta()

    def _address(self, path: str) -> str:
        return f"{self.url}{path if path.startswith('/api/') else f'/api/v1{path}'}"


def jittered(seconds: float) -> float:
    """Return a pause that is up to a quarter shorter or longer, so that many clients do not come all at once."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - nothing secret about it


def segment(text: str) -> str:
    """Return a name or uuid as one segment of a path, whatever is in it."""
    return quote(text, safe="")


def _unanswered(error: Exception, command: str, seconds: float) -> CoolifyError:
    """Return the error that no answer, or half of one, means."""
    if isinstance(error, requests.exceptions.SSLError):
        return CoolifyError("tls", command, words=_certificate(error))
    if isinstance(error, requests.ConnectTimeout) or _never_sent(error):
        return CoolifyError("unreachable", command)
    if isinstance(error, requests.Timeout):
        return CoolifyError("lost", command, words=f"not within {seconds:.3g} s")
    return CoolifyError("lost", command, words="the connection was cut")


def _certificate(error: Exception) -> str:
    """Return why a certificate is not trusted, in OpenSSL's words."""
    found = re.search(r"certificate verify failed: ([^(\"']+)", str(error))
    return found[1].strip() if found else ""


def _never_sent(error: Exception) -> bool:
    reason = error.args[0] if error.args else None
    return isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError)
