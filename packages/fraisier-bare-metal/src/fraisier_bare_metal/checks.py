"""What `pre_flight` looks at on every host: each finding with the command that mends it."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Final

from fraisier import Check, FraisierError, Health, Target
from msgspec import structs

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.health import begin_probe
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.repository import repository_of
from fraisier_bare_metal.repository_check import repository_check
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.ssh.login import NO_FORWARDING
from fraisier_bare_metal.status import Present

FREE_KIB: Final = 200 * 1024
FREE_INODES: Final = 10_000
CLOCK_SECONDS: Final = 60.0
REPOSITORY_SECONDS: Final = 30.0
PROGRAMS: Final = {
    "git": "git",
    "flock": "util-linux",
    "setsid": "util-linux",
    "timeout": "coreutils",
    "find": "findutils",
    "awk": "mawk",
}
"""What runs on the host beside `/bin/sh`, and the package of Debian that has it."""
_IDENTIFIER: Final = re.compile(r"[\w.:-]+", re.ASCII)
OLDEST_GIT: Final = (2, 30)
"""The first one to have `rev-parse --end-of-options`, which tells a version from an option."""


def checks_of(target: Target, fleet: Fleet) -> list[Check]:
    """Return every check of every host, in the order in which a person would mend what failed."""
    found = fleet.on_each(fleet.hosts, lambda host: list(_of_host(target, host, fleet.options)))
    if len(found) == 1:
        return next(iter(found.values()))
    return [
        Check(
            name=f"{host}: {each.name}",
            passed=each.passed,
            detail=each.detail,
            hint=each.hint,
            required=each.required,
        )
        for host, checks in found.items()
        for each in checks
    ]


def _of_host(target: Target, host: Host, options: Options) -> Iterator[Check]:
    asked = time.time()
    values = {
        **repository_of(options),
        "branch": options.branch or "",
        # The fetch of a deployment shows a moment later, and as early, whether the repository can be read.
        "deploying": bool(target.deployment_id),
        "version": target.version or "",
        "programs": [*PROGRAMS, *(["sudo"] if options.needs_sudo else [])],
        "patience": f"{min(options.deadlines.fetch, REPOSITORY_SECONDS):g}",
        "sudo": options.needs_sudo,
        "verbs": options.verbs,
        "user": options.user_unit,
    }
    check = target.health_check
    try:
        login = host.login
        # Which version answers is not known yet, only that something does.
        answer = begin_probe(structs.replace(check, expect_body=None), host) if check else None
        found = host.check(values)
    except FraisierError as error:
        yield Check(name="ssh", passed=False, detail=error.message, hint=error.hint or "")
        return
    yield Check(name="ssh", passed=True, detail=f"{login.address}, host key known")
    present = Present(found)
    account = found.one("user")
    yield _programs(found)
    yield _app_path(target, options, found, present, account)
    yield _disk(options, found)
    yield repository_check(options, found, account)
    yield _unit(options, present, account)
    if options.user_unit and "nolinger" in found.data:
        detail, hint = (
            f"units of {account} end when it logs out",
            f"on the host: sudo loginctl enable-linger {account}",
        )
        yield Check(name="linger", passed=False, detail=detail, hint=hint)
    if options.needs_sudo and "sudo" not in found.data.get("lacking", []):
        yield _sudo(options, found, account)
    if "nojournal" in found.data:
        detail = f"{account} may not read the journal: a failure would come without its log"
        hint = f"on the host: sudo usermod -aG systemd-journal {account}"
        yield Check(name="journal", passed=False, detail=detail, hint=hint, required=False)
    yield _clock(found, asked)
    yield _health_check(target, present, account, answer)


def _programs(found: Result) -> Check:
    name = "programs"
    if lacking := found.data.get("lacking"):
        packages = sorted({PROGRAMS.get(each, each) for each in lacking})
        hint = f"on the host, as root: apt-get install {' '.join(packages)}"
        return Check(name=name, passed=False, detail=f"{', '.join(lacking)} not found", hint=hint)
    told = re.search(r"(\d+)\.(\d+)(\.\d+)*", found.one("git"))
    if told and (int(told[1]), int(told[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        detail, hint = f"git {told[0]} is too old", f"install git {wanted} or newer on the host"
        return Check(name=name, passed=False, detail=detail, hint=hint)
    return Check(name=name, passed=True, detail=f"{', '.join(PROGRAMS)} are there")


def _app_path(target: Target, options: Options, found: Result, present: Present, account: str) -> Check:
    name, path = "app_path", options.app_path
    if places := found.data.get("unwritable"):
        there, group = places[0], found.one("group")
        detail = f"{there} is not writable for {account}"
        hint = f"on the host: sudo install -d -o {account} -g {group} {shlex.quote(path)}"
        if there.startswith(f"{path}/"):
            hint = f"on the host: sudo chown -R {account}:{group} {shlex.join(places)}"
        elif there != path:
            detail = f"{path} cannot be made by {account}"
        return Check(name=name, passed=False, detail=detail, hint=hint)
    owner = next((line.target for line in present.ledger.standing()), target.identifier)
    if owner != target.identifier:
        detail = f"{path} belongs to {owner}"
        hint = "set another app_path"
        # Whoever may write to the ledger is not to say what sed does.
        if _IDENTIFIER.fullmatch(owner):
            old, new = (f'"target":"{name}"' for name in (owner.replace(".", r"\."), target.identifier))
            rename = shlex.join(["sed", "-i", f"s/{old}/{new}/", f"{path}/.fraisier/ledger.jsonl"])
            hint += f"; if {owner} was renamed, on the host: {rename}"
        return Check(name=name, passed=False, detail=detail, hint=hint)
    if found.one("occupied"):
        detail = f"{path} holds something that is no git tree"
        return Check(name=name, passed=False, detail=detail, hint="move it away, or set another app_path")
    if changes := found.one("local").strip(", "):
        hint = f"on the host: git -C {shlex.quote(path)} status"
        return Check(name=name, passed=False, detail=f"local changes in {path}: {changes}", hint=hint)
    return Check(name=name, passed=True, detail=f"{path} is writable for {account}")


def _disk(options: Options, found: Result) -> Check:
    told = found.one("disk").split()
    if not told:
        return Check(name="disk space", passed=True, detail="the host does not tell it")
    blocks, size, inodes = map(int, told)
    free = blocks * size // 1024
    path = shlex.quote(options.app_path)
    hint = f"on the host: df -h {path}; df -i {path}"
    if free < FREE_KIB:
        detail = f"{free // 1024} MiB free, want {FREE_KIB // 1024} MiB"
        return Check(name="disk space", passed=False, detail=detail, hint=hint)
    # Some file systems have no fixed number of inodes and report none.
    if 0 < inodes < FREE_INODES:
        return Check(
            name="disk space", passed=False, detail=f"{inodes} inodes free, want {FREE_INODES}", hint=hint
        )
    return Check(name="disk space", passed=True, detail=f"{free // 1024} MiB free")


def _unit(options: Options, present: Present, account: str) -> Check:
    if present.unit.load == "loaded" and options.restart == "reload" and not present.unit.can_reload:
        hint = "set ExecReload= in the unit, or restart: reload-or-restart in fraises.yaml"
        return Check(name="unit", passed=False, detail=f"{options.unit} cannot be reloaded", hint=hint)
    if present.unit.load == "loaded":
        return Check(name="unit", passed=True, detail=f"{options.unit} is {present.unit.active}")
    edit = f"edit --full --force {shlex.quote(options.unit)}"
    if present.unit.load == "masked":
        edit = f"unmask {shlex.quote(options.unit)}"
    own = f"on the host, as {account}: systemctl --user {edit}"
    return Check(
        name="unit",
        passed=False,
        detail=f"{options.unit} is {present.unit.load}",
        hint=own if options.user_unit else f"on the host: sudo systemctl {edit}",
    )


def _sudo(options: Options, found: Result, account: str) -> Check:
    if lacking := found.data.get("nosudo"):
        # A backslash means something to sudoers, and again to its patterns.
        systemctl, unit = found.one("systemctl"), options.unit.replace("\\", "\\" * 4).replace(":", "\\:")
        rule = ", ".join(f"{systemctl} {verb} {unit}" for verb in options.verbs)
        # sudo reads no file with a dot in its name.
        file = f"/etc/sudoers.d/fraisier-{options.unit.replace('.', '_')}"
        hint = (
            f"on the host: printf '%s\\n' '{account} ALL=(root) NOPASSWD: {rule}' | "
            f"sudo install -m 440 /dev/stdin {shlex.quote(file)}"
        )
        detail = f"{account} may not run sudo systemctl {lacking[0]} {options.unit} without a password"
        return Check(name="sudo", passed=False, detail=detail, hint=hint)
    return Check(name="sudo", passed=True, detail=f"{account} may {' and '.join(options.verbs)} {options.unit}")


def _clock(found: Result, asked: float) -> Check:
    told = found.one("clock")
    off = abs(int(told) - asked) if told.isdigit() else 0.0
    if off > CLOCK_SECONDS:
        detail = f"the host's clock is {off:.0f} s off"
        return Check(name="clock", passed=False, detail=detail, hint="on the host: timedatectl", required=False)
    return Check(name="clock", passed=True)


def _health_check(target: Target, present: Present, account: str, answer: Callable[[], Health] | None) -> Check:
    name, check = "health check", target.health_check
    if check is None or answer is None:
        hint = f"add health_check to fraises.{target.fraise}.providers.{target.environment}"
        detail = "there is none: a unit that stays active counts as healthy"
        return Check(name=name, passed=False, detail=detail, hint=hint, required=False)
    runs = present.unit.active == "active"
    if check.command is not None and not runs:
        return Check(name=name, passed=True, detail="asked once the service runs")
    found = answer()
    if NO_FORWARDING in found.detail:
        hint = (
            f"on the host: printf 'Match User {account}\\n  AllowTcpForwarding local\\n' | "
            "sudo tee /etc/ssh/sshd_config.d/fraisier.conf; "
            "sudo systemctl reload ssh || sudo systemctl reload sshd"
        )
        return Check(name=name, passed=False, detail=found.detail, hint=hint)
    if not runs:
        return Check(name=name, passed=True, detail="asked once the service runs")
    hint = "" if found.healthy else f"see: fraisier logs {target.fraise} {target.environment}"
    return Check(name=name, passed=found.healthy, detail=found.detail, hint=hint, required=False)
