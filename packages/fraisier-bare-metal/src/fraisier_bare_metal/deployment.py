"""Putting a release in service on all hosts, forwards or back, in the order in which it happens."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fraisier import Deployed, Progress, Release, Target, TargetError

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.health import door_of, health_of_host
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.in_service import Present, look, values_of
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.records import entry, gone_back
from fraisier_bare_metal.repository import repository_of
from fraisier_bare_metal.shell import Result

_POLL = 0.2
_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RELEASE_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}(-[0-9]+)?")


def deploy(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Prepare the version everywhere, as one and the same commit, then put it in service in batches."""
    stamp = _stamp()
    values = {
        **_values(target, fleet.options),
        "version": release.version or "",
        "force": release.force,
        "stamp": stamp,
        "again": False,
    }
    found = _prepare(fleet, fleet.hosts, "resolve prepare", values, progress)
    first = found[fleet.hosts[0].name]
    version, revision = first.one("version"), first.one("revision")
    if all(each.one("unchanged") and each.one("revision") == revision for each in found.values()):
        details = _details(fleet, first.one("id"))
        return Deployed(version=version, revision=revision, details=details, changed=False)
    release_id = first.one("release") or f"{stamp}-{revision[:7]}"
    values |= {"id": release_id, "version": version, "revision": revision}
    # Where it is in service already it was not prepared, and a branch may have moved between two hosts' looks.
    same = {
        name
        for name, each in found.items()
        if (each.one("release"), each.one("revision")) == (release_id, revision)
    }
    if others := [host for host in fleet.hosts if host.name not in same]:
        _prepare(fleet, others, "prepare", values, progress)
    present = {name: Present(each) for name, each in found.items()}
    _publish(target, fleet, fleet.hosts, present, values, progress)
    return Deployed(version=version, revision=revision, details=_details(fleet, release_id))


def roll_back(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Put a release in service that was before: kept on the host, or the same commit made anew."""
    revision = release.revision
    if revision is None:
        hint = "name one: fraisier deploy --version V"
        raise TargetError("the release to go back to has no revision", hint=hint)
    version = release.version or revision
    release_id = str(release.details.get("release") or f"{_stamp()}-{revision[:7]}")
    # What was recorded may come from anywhere, and becomes a path on the host.
    if not _REVISION.fullmatch(revision) or not _RELEASE_ID.fullmatch(release_id):
        raise TargetError(f"no release of ours is recorded as {release_id!r} at {revision!r}")
    present = look(fleet)
    hosts = [host for host in fleet.hosts if not _is_at(present[host.name], revision)]
    values = {
        **_values(target, fleet.options),
        "id": release_id,
        "version": version,
        "revision": revision,
        "again": True,
    }
    _prepare(fleet, hosts, "prepare", values, progress)
    _publish(target, fleet, hosts, present, values, progress, back=True)
    return Deployed(version=version, revision=revision, details=_details(fleet, release_id))


def _prepare(
    fleet: Fleet, hosts: Sequence[Host], script: str, values: Mapping[str, Any], progress: Progress
) -> Mapping[str, Result]:
    """Make the release on each host, and return what was found there."""

    def prepare(host: Host) -> Result:
        return host.change(script, values, _long(fleet.options), fleet.progress(progress, host))

    with fleet.step(progress, "prepare", hosts):
        return fleet.on_each(hosts, prepare)


def _publish(
    target: Target,
    fleet: Fleet,
    hosts: Sequence[Host],
    present: Mapping[str, Present],
    values: Mapping[str, Any],
    progress: Progress,
    back: bool = False,
) -> None:
    """Put the release in service, batch by batch; the first batch that fails is the last one."""
    options = fleet.options
    values = {**values, "door": door_of(target.health_check)}
    timeout = _long(options) + options.deadlines.restart

    def publish(host: Host) -> None:
        more = _records(target, options, present[host.name], values, back)
        heard = fleet.progress(progress, host)
        found = host.change("publish", {**values, **more}, timeout, heard, undo="undo")
        host.published = (time.monotonic(), found)

    for batch in _batches(hosts, options.batch):
        with fleet.step(progress, "publish", batch):
            fleet.on_each(batch, publish)
            if len(hosts) > len(batch):
                _wait_for(target, fleet, batch, str(values["version"]), str(values["revision"]))


def _wait_for(target: Target, fleet: Fleet, batch: Sequence[Host], version: str, revision: str) -> None:
    """Wait until a batch is healthy, before the next one gives up what works."""
    check = target.health_check.expecting(version, revision) if target.health_check else None
    timeout = check.timeout if check else 30.0

    def wait(host: Host) -> None:
        deadline = time.monotonic() + timeout
        while not (found := health_of_host(host, check, fleet.options)).healthy:
            if found.final or time.monotonic() > deadline:
                raise TargetError(f"{host.name} is not healthy: {found.detail}", log=log_of(host, fleet.options))
            time.sleep(_POLL)

    fleet.on_each(batch, wait)


def log_of(host: Host, options: Options) -> list[str]:
    """Return the last lines of the unit's journal."""
    return host.look("log", {**values_of(options), "count": 50, "follow": False}).lines[-50:]


def _details(fleet: Fleet, release_id: str) -> dict[str, Any]:
    """Return what is recorded: the release to come back to, and the hosts that have it where there are several."""
    names = [host.name for host in fleet.hosts]
    return {"release": release_id, **({"hosts": names} if len(names) > 1 else {})}


def _batches(hosts: Sequence[Host], size: int | None) -> list[Sequence[Host]]:
    step = size or max(1, len(hosts))
    return [hosts[start : start + step] for start in range(0, len(hosts), step)]


def _is_at(present: Present, revision: str) -> bool:
    return present.entry is not None and present.entry.revision == revision and present.unit.active == "active"


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _long(options: Options) -> float:
    """Return the seconds that a host may take to fetch and to build."""
    return options.deadlines.fetch * 2 + options.deadlines.build * max(1, len(options.build))


def _values(target: Target, options: Options) -> dict[str, Any]:
    """Return the variables of the scripts that make a release."""
    own = {name: value.reveal() for name, value in options.environment.items()}
    return {
        **values_of(options),
        **repository_of(options),
        "branch": options.branch or "",
        "fetch_timeout": f"{options.deadlines.fetch:g}",
        "build_timeout": f"{options.deadlines.build:g}",
        "provider_test": f"fraisier provider-test {target.fraise} {target.environment}",
        "restart_timeout": f"{options.deadlines.restart:g}",
        "shared": options.shared,
        "build": options.build,
        "exports": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in own.items()),
        "environment": "".join(f"{name}={_for_systemd(value)}\n" for name, value in own.items()),
    }


def _for_systemd(value: str) -> str:
    """Quote a value as systemd.exec(5) has it for EnvironmentFile: in double quotes, four characters escaped."""
    return '"' + "".join(f"\\{each}" if each in '"\\`$' else each for each in value) + '"'


def _records(
    target: Target, options: Options, present: Present, values: Mapping[str, Any], back: bool
) -> Mapping[str, Any]:
    """Return the lines for a host's ledger, and the releases that it has to keep."""
    good = present.ledger.good()
    new = entry(target, "started", str(values["id"]), str(values["version"]), str(values["revision"]))
    leaves = back and bool(good) and good[0].id != new.id
    return {
        "started": new.line(),
        "rolled_back": gone_back(target, good[0]).line() if leaves else "",
        "gone_back": gone_back(target, new).line(),
        "keep": [each.id for each in good[: max(options.keep_releases, 2) - (0 if back else 1)]],
    }
