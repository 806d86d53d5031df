"""Putting a release in service on all hosts, forwards or back, in the order in which it happens."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fraisier import Deployed, Progress, Release, Target, TargetError, probe

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.health import health_of_host
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.in_service import Present, look, values_of
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.records import entry, gone_back
from fraisier_bare_metal.unit import Unit

__all__ = ["deploy", "probe", "roll_back"]

_POLL = 0.2


def deploy(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Resolve the version once, prepare it everywhere, then put it in service in batches."""
    first = fleet.hosts[0]
    values = {**values_of(fleet.options), **_repository(fleet.options), "version": release.version or ""}
    with fleet.step(progress, "fetch", [first]):
        timeout = fleet.options.deadlines.fetch * 2
        found = first.change("resolve", values, timeout, fleet.progress(progress, first))
    version, revision = found.one("version"), found.one("revision")
    release_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{revision[:7]}"
    present = {first.name: _is_present(found.one("present"), Unit.of(found.data.get("unit", []), ""), revision)}
    if not release.force and present[first.name]:
        others = look(fleet) if len(fleet.hosts) > 1 else {}
        if all(_present_at(each, revision) for each in others.values()):
            return Deployed(
                version=version, revision=revision, details={"release": found.one("id")}, changed=False
            )
    return _put(target, fleet, Release(version=version, revision=revision), release_id, progress)


def roll_back(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Put a release in service that was before: kept on the host, or the same commit made anew."""
    revision = release.revision
    if revision is None:
        raise TargetError(
            "the release to go back to has no revision", hint="name one: fraisier deploy --version V"
        )
    kept = release.details.get("release")
    release_id = str(kept) if kept else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{revision[:7]}"
    return _put(target, fleet, release, release_id, progress, back=True)


def _put(
    target: Target, fleet: Fleet, release: Release, release_id: str, progress: Progress, back: bool = False
) -> Deployed:
    options = fleet.options
    version, revision = release.version or str(release.revision), str(release.revision)
    present = look(fleet)
    hosts = [host for host in fleet.hosts if not (back and _present_at(present[host.name], revision))]
    values = {
        **values_of(options),
        **_repository(options),
        **_surroundings(options, version, revision),
        "id": release_id,
        "revision": revision,
        "fetched": not back and len(fleet.hosts) == 1,
        "again": back,
        "shared": options.shared,
        "build": options.build,
    }
    timeout = options.deadlines.fetch * 2 + options.deadlines.build * max(1, len(options.build))
    with fleet.step(progress, "prepare", hosts):
        fleet.on_each(hosts, lambda host: host.change("prepare", values, timeout, fleet.progress(progress, host)))
    for batch in _batches(hosts, options.batch):
        with fleet.step(progress, "publish", batch):
            fleet.on_each(
                batch,
                lambda host: host.change(
                    "publish",
                    {
                        **values,
                        **_records(target, options, present[host.name], release_id, version, revision, back),
                    },
                    timeout + options.deadlines.restart,
                    fleet.progress(progress, host),
                    undo="undo",
                ),
            )
            if len(hosts) > len(batch):
                _wait_for(target, fleet, batch, version, revision)
    return Deployed(version=version, revision=revision, details={"release": release_id})


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


def _batches(hosts: Sequence[Host], size: int | None) -> list[Sequence[Host]]:
    step = size or max(1, len(hosts))
    return [hosts[start : start + step] for start in range(0, len(hosts), step)]


def _present_at(present: Present, revision: str) -> bool:
    return present.entry is not None and _is_present(present.entry.revision, present.unit, revision)


def _is_present(found: str, unit: Unit, revision: str) -> bool:
    return found == revision and unit.active == "active"


def _repository(options: Options) -> dict[str, Any]:
    return {
        "git_repo": options.git_repo.reveal(),
        "shown_repo": options.git_repo.reference or options.git_repo.reveal(),
        "branch": options.branch or "",
        "fetch_timeout": f"{options.deadlines.fetch:g}",
        "build_timeout": f"{options.deadlines.build:g}",
        "restart_timeout": f"{options.deadlines.restart:g}",
    }


def _surroundings(options: Options, version: str, revision: str) -> dict[str, str]:
    """Return the environment, for the shell that builds and for the file that the unit reads."""
    own = {name: value.reveal() for name, value in options.environment.items()}
    names = {**own, "FRAISIER_VERSION": version, "FRAISIER_REVISION": revision}
    return {
        "exports": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in names.items()),
        "environment": "".join(f"{name}={_for_systemd(value)}\n" for name, value in names.items()),
    }


def _for_systemd(value: str) -> str:
    """Quote a value as systemd.exec(5) has it for EnvironmentFile: in double quotes, four characters escaped."""
    return '"' + "".join(f"\\{each}" if each in '"\\`$' else each for each in value) + '"'


def _records(
    target: Target,
    options: Options,
    present: Present,
    release_id: str,
    version: str,
    revision: str,
    back: bool,
) -> Mapping[str, Any]:
    """Return the lines for a host's ledger, and the releases that it has to keep."""
    good = present.ledger.good()
    new = entry(target, "started", release_id, version, revision)
    leaves = back and bool(good) and good[0].id != release_id
    return {
        "started": new.line(),
        "rolled_back": gone_back(target, good[0]).line() if leaves else "",
        "gone_back": gone_back(target, new).line(),
        "keep": [each.id for each in good[: max(options.keep_releases, 2) - (0 if back else 1)]],
    }
