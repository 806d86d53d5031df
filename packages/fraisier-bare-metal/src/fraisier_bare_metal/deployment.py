"""Putting a release in service on all hosts, forwards or back, in the order in which it happens."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fraisier import Deployed, FraisierError, Progress, Release, Secret, Target, TargetError

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.publishing import publish
from fraisier_bare_metal.repository import repository_of
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.status import Present, in_service

_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RELEASE_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}(-[0-9]+)?")


def deploy(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Prepare the version everywhere, as one and the same commit, then put it in service in batches."""
    stamp = _stamp()
    present = in_service(fleet, fresh=False)
    values = {
        **_values(target, fleet.options),
        "version": release.version or "",
        # What the host has to find out.
        "id": "",
        "revision": "",
        "force": release.force,
        "stamp": stamp,
        "rolling_back": False,
    }
    alone = len(fleet.hosts) == 1
    if alone:
        # Nobody has to be waited for: all in one order, which saves a round trip.
        found = publish(target, fleet, fleet.hosts, present, values, progress, before="resolve prepare")
    else:
        found = _prepare(fleet, fleet.hosts, "resolve prepare", values, progress)
    first = found[fleet.hosts[0].name]
    version, revision = first.one("version"), first.one("revision")
    if all(each.one("unchanged") and each.one("revision") == revision for each in found.values()):
        for host in fleet.hosts:
            known = present[host.name]
            host.unproven = None if known.proven else known.entry
        details = _details(fleet, first.one("id"))
        return Deployed(version=version, revision=revision, details=details, changed=False)
    release_id = first.one("release") or f"{stamp}-{revision[:7]}"
    if not alone:
        values |= {"id": release_id, "version": version, "revision": revision}
        _prepare_alike(fleet, found, values, progress)
        publish(target, fleet, fleet.hosts, present, values, progress)
    return Deployed(version=version, revision=revision, details=_details(fleet, release_id))


def roll_back(target: Target, fleet: Fleet, release: Release, progress: Progress) -> Deployed:
    """Put a release in service that was before: kept on the host, or the same commit made anew.

    Where what is there never was healthy, or does not run, all hosts that can go back do, whatever becomes of the
    others. Where it works, the first batch that fails is the last one, as on the way forwards.
    """
    revision = release.revision
    hint = f"deploy it: fraisier deploy {target.fraise} {target.environment} --version VERSION"
    if revision is None:
        raise TargetError("the release to go back to has no revision", hint=hint)
    version = release.version or revision
    release_id = str(release.details.get("release") or f"{_stamp()}-{revision[:7]}")
    # What was recorded may come from anywhere, and becomes a path on the host.
    if not _REVISION.fullmatch(revision) or not _RELEASE_ID.fullmatch(release_id):
        raise TargetError(f"the recorded release {release_id!r} at {revision!r} is malformed", hint=hint)
    away: dict[str, FraisierError] = {}
    present = in_service(fleet, away=away)
    recorded = release_id if "release" in release.details else None
    there = [host for host in fleet.hosts if host.name in present]
    hosts = [host for host in there if not _is_at(present[host.name], revision, recorded)]
    works = all(present[host.name].proven and present[host.name].unit.state == "running" for host in hosts)
    if away and works:
        raise fleet.failure(away, "not touched")
    failed = None if works else away
    values = {
        **_values(target, fleet.options),
        "id": release_id,
        "version": version,
        "revision": revision,
        "rolling_back": True,
    }
    before = "prepare" if len(hosts) == 1 else ""
    if len(hosts) > 1:
        ready = _prepare(fleet, hosts, "prepare", values, progress, failed)
        hosts = [host for host in hosts if host.name in ready]
    publish(target, fleet, hosts, present, values, progress, before, failed)
    if failed:
        raise fleet.failure(failed, f"{version} is in service")
    return Deployed(version=version, revision=revision, details=_details(fleet, release_id))


def _prepare(
    fleet: Fleet,
    hosts: Sequence[Host],
    script: str,
    values: Mapping[str, Any],
    progress: Progress,
    failed: dict[str, FraisierError] | None = None,
) -> Mapping[str, Result]:
    """Make the release on each host, and return what was found there; see `Fleet.on_each` for `failed`."""

    def prepare(host: Host) -> Result:
        return host.change(script, values, fleet.options.prepare_timeout, fleet.progress(progress, host))

    with fleet.step(progress, "prepare", hosts):
        return fleet.on_each(hosts, prepare, failed)


def _prepare_alike(
    fleet: Fleet, found: Mapping[str, Result], values: Mapping[str, Any], progress: Progress
) -> None:
    """Make the same release where another one was made: a branch may have moved between two hosts' looks.

    Where it is in service already, none was.
    """
    wanted = values["id"], values["revision"]
    same = {name for name, each in found.items() if (each.one("release"), each.one("revision")) == wanted}
    if others := [host for host in fleet.hosts if host.name not in same]:
        _prepare(fleet, others, "prepare", values, progress)


def _details(fleet: Fleet, release_id: str) -> dict[str, Any]:
    """Return what is recorded: the release to come back to, and the hosts that have it where there are several."""
    names = [host.name for host in fleet.hosts]
    return {"release": release_id, **({"hosts": names} if len(names) > 1 else {})}


def _is_at(present: Present, revision: str, release_id: str | None) -> bool:
    """Tell whether a release is in service; the same commit may have been released twice, with other variables."""
    there = present.entry
    if there is None or present.strange_head or present.unit.state != "running":
        return False
    return there.revision == revision and release_id in (None, there.id)


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _values(target: Target, options: Options) -> dict[str, Any]:
    """Return the variables of the scripts that make a release."""
    own = {name: value.reveal() for name, value in options.environment.items()}
    return {
        **repository_of(options),
        "branch": options.branch or "",
        "fetch_timeout": f"{options.deadlines.fetch:g}",
        "build_timeout": f"{options.deadlines.build:g}",
        "provider_test": f"fraisier provider-test {target.fraise} {target.environment}",
        "restart_timeout": f"{options.deadlines.restart:g}",
        "shared": options.shared,
        "build": options.build,
        "exports": Secret("".join(f"export {name}={shlex.quote(value)}\n" for name, value in own.items())),
        "environment": Secret("".join(f"{name}={_for_systemd(value)}\n" for name, value in own.items())),
    }


def _for_systemd(value: str) -> str:
    """Quote a value as systemd.exec(5) has it for EnvironmentFile: in double quotes, four characters escaped."""
    return '"' + "".join(f"\\{each}" if each in '"\\`$' else each for each in value) + '"'
