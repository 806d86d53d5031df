"""A provider whose target is a JSON file; versions and options are the script of what goes well and what does not.

`conftest.py` installs it as a distribution that offers it under two names, `scripted` and `standby`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import fraisier
from fraisier import (
    Check,
    Deployed,
    DeploymentLockedError,
    Health,
    Progress,
    Release,
    Secret,
    Status,
    Target,
    TargetChangedError,
    TargetError,
    hookimpl,
)


class Options(fraisier.Options):
    file: str
    token: Secret | None = None
    missing: tuple[str, ...] = ()
    """Versions that there are not."""
    unready: tuple[str, ...] = ()
    poor: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    forgetful: bool = False
    earlier: bool = False
    unproven: tuple[str, ...] = ()
    """Versions of which the target knows that they were never healthy."""
    sick: tuple[str, ...] = ()
    patient: bool = False
    """Health never says that waiting is of no use; a health check then only tells how long to wait."""
    on_rollback: Literal[
        "", "refuse", "half", "elsewhere", "locked", "queued", "ctrl-c", "ctrl-c twice", "ctrl-c late"
    ] = ""
    on_logs: Literal["", "refuse", "all", "ctrl-c"] = ""
    flavour: str = ""
    """What else belongs to a release, of whichever version; `sour` does not start."""


class Stage:
    """What one hook works with: the options, the file, and the list of calls beside it."""

    def __init__(self, target: Target, call: str) -> None:
        self.options = fraisier.read_options(target, Options)
        self.path = target.folder / self.options.file
        self.calls = Path(f"{self.path}.calls")
        self.secret = "" if self.options.token is None else f" with {self.options.token.reveal()}"
        target.session.get("connection", lambda: Connection(self))
        self.say(call)
        if call in self.options.unreachable or (self.read().get("mute") and call == "status"):
            raise TargetError(
                f"no route to {target.environment}{self.secret}", command="ping", hint="look at the cable"
            )

    def say(self, call: str) -> None:
        with self.calls.open("a", encoding="utf-8") as file:
            file.write(f"{call}\n")

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def serve(self, version: str, **more: Any) -> Deployed:
        """Put a version in service."""
        known = self.read()
        earlier = [known["version"], *known["earlier"]] if known else []
        known = {"version": version, "revision": revision_of(version), "earlier": earlier, **more}
        self.path.write_text(json.dumps(known))
        return deployed(version, True, note=f"deployed{self.secret}", **flavour_of(known))

    def line(self, number: int) -> str:
        return f"line {number} of {self.read().get('version')}{self.secret}"


class Connection:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.say("open")

    def close(self) -> None:
        self.stage.say("close")


def revision_of(version: str) -> str:
    """Return a commit, or a digest as images have them."""
    if version.startswith("image"):
        return f"sha256:{hashlib.sha256(version.encode()).hexdigest()}"
    return hashlib.sha1(version.encode()).hexdigest()


def deployed(version: str, changed: bool = True, **more: str) -> Deployed:
    details = {"image": f"my_api:{version}", **more}
    return Deployed(version=version, revision=revision_of(version), details=details, changed=changed)


def flavour_of(known: Mapping[str, Any]) -> dict[str, str]:
    return {"flavour": known["flavour"]} if known.get("flavour") else {}


def release_of(version: str, note: str, **more: str) -> Release:
    known = deployed(version, True, note=note, **more)
    return Release(version=version, revision=known.revision, details=known.details)


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    stage = Stage(target, "pre_flight")
    detail = f"looked at{stage.secret}"
    checks = [Check(name="disk", passed=True, detail=detail)]
    if target.version in stage.options.missing:
        checks.append(Check(name="version", passed=False, detail=f"no {target.version}", hint="push it"))
    for name in (*stage.options.unready, *stage.options.poor):
        required = name in stage.options.unready
        checks.append(Check(name=name, passed=False, detail=detail, hint=f"mend {name}", required=required))
    return checks


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    version = release.version or "v1"
    stage = Stage(target, f"deploy {version}{' by force' if release.force else ''}")
    if stage.read().get("version") == version and not release.force:
        return deployed(version, changed=False, note=f"was there{stage.secret}")
    with progress.step(f"fetch{stage.secret}"):
        progress.line(f"fetching {version}{stage.secret}")
        before_the_change(stage, version)
    with progress.step("switch"):
        done = stage.serve(version, mute=version == "mute", flavour=stage.options.flavour)
    with progress.step("start"):
        after_the_change(stage, version)
    return done


def before_the_change(stage: Stage, version: str) -> None:
    if version == "refused":
        command, log = f"pull refused{stage.secret}", [f"denied{stage.secret}"]
        raise TargetError(f"pull denied{stage.secret}", command=command, hint="log in", log=log)
    if version == "crash":
        raise ValueError(f"boom{stage.secret}")
    if version == "ctrl-c":
        raise KeyboardInterrupt
    if version == "outage":
        known = stage.read()
        stage.path.write_text(json.dumps({**known, "state": "stopped"}))
        raise TargetError("no space left")
    if version == "restless" or (version == "surprised" and stage.read()["version"] != "v9"):
        # Another machine was done between the look and the lock.
        stage.serve("v9")
        raise TargetChangedError("another deployment has ended meanwhile", hint="deploy again")
    if version == "overtaken" or (version == "queued" and stage.read()["version"] != "v9"):
        # Another machine holds the target, and is done with its work before anybody looks.
        stage.serve("v9")
        raise DeploymentLockedError("bob@ci is deploying my_api", hint="wait")


def after_the_change(stage: Stage, version: str) -> None:
    if version in ("half", "mute") or stage.options.flavour == "sour":
        raise TargetError(f"start failed{stage.secret}", command="start half", hint="read its log")
    if version == "chatty":
        raise TargetError("start failed", log=[stage.line(number) for number in range(100)])
    if version == "crash late":
        raise ValueError("boom")
    ends = {"ctrl-c late": signal.SIGINT, "terminated": signal.SIGTERM, "hung up": signal.SIGHUP}
    if version in ends:
        signal.raise_signal(ends[version])
        raise AssertionError(f"{version}, and nothing happened")
    if version == "killed":
        os.kill(os.getpid(), signal.SIGKILL)


@hookimpl
def status(target: Target) -> Status:
    stage = Stage(target, "status")
    known = stage.read()
    if stage.options.forgetful:
        return Status(state="unknown")
    if not known:
        return Status(state="stopped")
    return Status(
        state=known.get("state", "running"),
        release=release_of(known["version"], f"told{stage.secret}", **flavour_of(known)),
        details={"file": f"{stage.path.name}{stage.secret}"},
        earlier=[release_of(each, "told") for each in known["earlier"]] if stage.options.earlier else [],
        proven=known["version"] not in stage.options.unproven,
    )


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    stage = Stage(target, f"rollback {release.version}")
    how = stage.options.on_rollback
    assert release.details["image"] == f"my_api:{release.version}", "not a release that this provider made"
    with progress.step("switch"):
        if how == "refuse":
            raise TargetError("the old image is gone", hint="build it again")
        if how == "locked" or (how == "queued" and stage.read()["version"] != "v9"):
            stage.serve("v9")
            raise DeploymentLockedError("bob@ci is deploying my_api", hint="wait")
        for _ in range({"ctrl-c": 1, "ctrl-c twice": 2}.get(how, 0)):
            signal.raise_signal(signal.SIGINT)
        if how == "elsewhere":
            return stage.serve("v9")
        done = stage.serve(release.version or "", **flavour_of(release.details))
        if how == "half" and release.version == "v1":
            raise TargetError("the old image does not start")
        if how == "ctrl-c late" and release.version == "v1":
            signal.raise_signal(signal.SIGINT)
        return done


@hookimpl
def health(target: Target) -> Health:
    stage = Stage(target, "health")
    version = stage.read().get("version", "nothing")
    if target.health_check is not None and not stage.options.patient:
        return fraisier.probe(target.health_check, fraisier.Here())
    if version == "slow":
        calls = stage.calls.read_text().splitlines()
        looks = calls[calls.index("deploy slow") :].count("health")
        if looks < 3:
            raise TargetError("no answer yet")
        return Health(healthy=looks > 3, detail="got 503 from slow")
    if version == "health crash":
        raise ValueError("boom")
    healthy = version not in ("broken", *stage.options.sick)
    detail = f"got {200 if healthy else 500} from {version}{stage.secret}"
    return Health(healthy=healthy, detail=detail, final=not stage.options.patient)


@hookimpl
def logs(target: Target, lines: int, follow: bool) -> Iterable[str]:
    stage = Stage(target, "logs")
    if stage.options.on_logs == "refuse":
        raise TargetError("the log is gone")
    if stage.options.on_logs == "ctrl-c":
        signal.raise_signal(signal.SIGINT)
    first = 0 if stage.options.on_logs == "all" else 100 - lines
    last = [stage.line(number) for number in range(first, 100)]
    return followed(last) if follow else last


def followed(last: list[str]) -> Iterator[str]:
    yield from last
    raise TargetError("the connection was cut")
