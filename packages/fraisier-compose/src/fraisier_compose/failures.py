"""What Docker, Compose and registries say when they fail, as one sentence with the next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from fraisier import TargetError


class _Failure(NamedTuple):
    pattern: re.Pattern[str]
    sentence: str
    hint: str


def _failure(pattern: str, sentence: str, hint: str) -> _Failure:
    return _Failure(re.compile(pattern, re.IGNORECASE | re.MULTILINE), sentence, hint)


INSTALL_COMPOSE: Final = "install the Compose plugin: apt-get install docker-compose-plugin"
_NO_COMPOSE: Final = _failure(
    r"compose.{0,3} is not a docker command|unknown command: docker compose"
    r"|^unknown flag: --file|^unknown shorthand flag: 'f'",
    "the docker command here has no Compose v2",
    INSTALL_COMPOSE,
)
# In this order: a full disk can make anything else fail.
_OF_THE_ENGINE: Final = (
    _failure(
        r"no space left on device|disk quota exceeded",
        "the engine's disk is full",
        "see what takes it: docker system df",
    ),
    _failure(
        r"cannot connect to the docker daemon|error during connect|failed to connect to the docker api"
        r"|docker daemon is not running",
        "the Docker engine cannot be reached",
        "is it running? docker version",
    ),
    _failure(
        r"permission denied while trying to connect|docker\.sock: connect: permission denied",
        "this account may not use the Docker engine",
        "sudo usermod -aG docker ACCOUNT, and log in again",
    ),
    _failure(
        r"context .*(?:not found|does not exist)",
        "docker knows no such context",
        "see: docker context ls",
    ),
    _NO_COMPOSE,
    _failure(
        r"port is already allocated|address already in use|ports are not available",
        "a port is already taken",
        "see who has it: docker ps --format '{{.Names}} {{.Ports}}'; ss -ltnp",
    ),
    _failure(
        r"no matching manifest for|does not match the (?:specified|detected) (?:host )?platform|exec format error",
        "the image is for another architecture than the engine's",
        "build it for the engine's: docker buildx build --platform",
    ),
)
# Said of a registry only where one was asked; "denied" is the last: it is also said of names that are not there.
_OF_A_REGISTRY: Final = (
    _failure(
        r"manifest unknown|no such manifest|manifest for .* not found|not found: manifest"
        r"|failed to resolve reference.*not found|: not found$|name unknown|repository .* not found",
        "the registry has no such image",
        "see which tags were pushed",
    ),
    _failure(
        r"toomanyrequests|429 too many|rate limit",
        "the registry has had too many requests",
        "wait, or log in: set registry in the options",
    ),
    _failure(
        r"server gave http response to https client|x509|certificate",
        "the registry's certificate is not trusted by the engine",
        "see insecure-registries and certs.d in the manual of dockerd",
    ),
    _failure(
        r"dial tcp|no such host|connection refused|i/o timeout|tls handshake timeout|connection reset"
        r"|unexpected eof|: eof$|network is unreachable|request canceled|bad gateway|service unavailable",
        "the registry cannot be reached from the engine",
        "is it up? with pull: missing, an image that is there already is not asked for",
    ),
    _failure(
        r"unauthorized|authentication required|no basic auth|denied|forbidden|incorrect username or password",
        "the registry refuses",
        "set registry in the options, or: docker login",
    ),
)
_LOG_LINE: Final = re.compile(r'^time="[^"]*" level=(?P<level>\w+) msg="(?P<text>(?:[^"\\]|\\.)*)"')
_PREFIX: Final = re.compile(r"^(?:Error response from daemon: |Error: |error: )+")


def spoken(lines: Sequence[str]) -> str:
    """Return what a command said last, without Docker's decoration."""
    told = [line for line in map(_plain, lines) if line]
    return told[-1] if told else "it said nothing"


def warnings(stderr: str) -> list[str]:
    """Return the warnings among the lines of Compose."""
    found = (_LOG_LINE.match(line) for line in stderr.splitlines())
    return [match["text"].replace('\\"', '"') for match in found if match and match["level"] == "warning"]


def lacking_compose(lines: Sequence[str]) -> TargetError | None:
    """Return the error of a `docker compose` that there is none, or None where there is one."""
    if not _NO_COMPOSE.pattern.search("\n".join(lines)):
        return None
    return TargetError(_NO_COMPOSE.sentence, hint=_NO_COMPOSE.hint)


def failure(what: str, command: str, lines: Sequence[str], *, registry: bool = False) -> TargetError:
    """Return the error of a command that failed.

    Args:
        what: what was tried, such as `cannot pull X`.
        command: the command line, without secrets.
        lines: both streams.
        registry: whether a registry was asked.
    """
    said = spoken(lines)
    text = "\n".join(lines)
    for known in (*_OF_THE_ENGINE, *(_OF_A_REGISTRY if registry else ())):
        if known.pattern.search(text):
            return TargetError(
                f"{what}: {known.sentence} ({said})", hint=known.hint, command=command, log=lines[-50:]
            )
    return TargetError(f"{what}: {said}", command=command, log=lines[-50:])


def _plain(line: str) -> str:
    match = _LOG_LINE.match(line)
    if match is not None:
        return "" if match["level"] in ("warning", "info", "debug") else match["text"]
    return _PREFIX.sub("", line.strip())
