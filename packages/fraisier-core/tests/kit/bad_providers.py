"""The provider `shelf` with one promise broken at a time, and the tests of the kit that are to find it."""

from __future__ import annotations

from typing import Final, NamedTuple

from .conftest import EVERY

HEALTH: Final = "health_finds_what_works_and_keeps_its_deadline_where_nothing_answers"
STATUS: Final = "status_tells_what_was_deployed_in_a_new_process_too"
BACK: Final = "rollback_works_from_what_status_told"
BACK_ELSEWHERE: Final = "rollback_works_in_a_new_process_from_what_deploy_returned"
FAILING: Final = "a_failing_deploy_goes_back_with_an_empty_history"
FAILING_LATER: Final = "a_failing_deploy_leaves_the_old_version_in_service"
SAME: Final = "deploying_the_same_again_does_nothing"
FORCED: Final = "force_deploys_the_same_again"
NO_RELEASE: Final = "a_release_that_never_was_is_not_gone_back_to"
NO_VERSION: Final = "a_version_that_does_not_exist_changes_nothing"
LOOKING: Final = "looking_changes_nothing"
FRESH: Final = "a_fresh_target_has_nothing_in_service"
UNKNOWN_OPTIONS: Final = "unknown_options_are_refused_before_anything_is_touched"
MISSING_OPTIONS: Final = "missing_options_are_refused_before_anything_is_touched"
NOT_READY: Final = "pre_flight_tells_what_to_do_where_it_cannot"
READY: Final = "pre_flight_passes_where_a_deployment_can_work"
SECRETS: Final = "secrets_are_nowhere"
PRINTING: Final = "hooks_print_nothing"
IN_SERVICE: Final = {STATUS, BACK, BACK_ELSEWHERE, FAILING, FAILING_LATER, SAME, FORCED, NO_RELEASE, NO_VERSION}
"""All that goes by the answer of `status`."""

BESIDE: Final = """
import threading
from msgspec import structs

REMEMBERED = {}

def mark(shelf):
    shelf.mkdir(exist_ok=True)
    with (shelf / "marks").open("a") as marks:
        marks.write("x")

def known(target):
    options = {name: value for name, value in target.options.items() if name in Options.__struct_fields__}
    return structs.replace(target, options=options)

def completed(target):
    options = {"books": "books", "shelf": "shelf", "token": "", **target.options}
    return structs.replace(target, options=options)

def hang():
    threading.Event().wait(1)
"""
"""What the changed lines use."""

CHECK: Final = "    return [Check("
RECORD: Final = "    record = recorded(at.shelf)\n    if record is None"
HEALTHY: Final = "    healthy = record is not None"
WRITTEN: Final = "    written = "
VERSION: Final = "    version = str(release.version)\n"
COPY: Final = '    copy = str(release.details.get("copy"))\n'
COPIED: Final = "(at.shelf / copy).write_bytes(text)"
GONE: Final = "        if not (at.shelf / copy).is_file():"
DEPLOYED: Final = 'return Deployed(version=version, revision=revision, details={"copy": copy})'
UNCHANGED: Final = "not release.force:"
TOLD: Final = 'version=record["version"], revision=record["revision"], details={"copy": record["copy"]}'
PUT_BACK: Final = "        put(at.shelf, str(release.version), str(release.revision), copy)\n"
ROLLED_BACK: Final = "return Deployed(version=str(release.version), revision=str(release.revision)"
BOUNDED: Final = "written[-lines:] if lines else []"
LOGS: Final = "def logs(target: Target, lines: int, follow: bool)"
READ: Final = "fraisier.read_options(target, Options)"
NO_BOOK: Final = 'raise TargetError(f"there is no book {version}", hint=f"see: ls {at.books}")'
KEPT: Final = '(shelf / "record").write_text(json.dumps(record))'
RECORDED: Final = "dict(json.loads(record.read_text())) if record.exists() else None"


class Bad(NamedTuple):
    """What is wrong, the changes that make it so, and the tests that find it."""

    what: str
    changes: dict[str, str]
    found_by: set[str]


LOOKS: Final = [
    Bad("pre_flight writes", {CHECK: f"    mark(at.shelf)\n{CHECK}"}, {LOOKING}),
    Bad("status writes", {RECORD: f"    mark(at.shelf)\n{RECORD}"}, {LOOKING}),
    Bad("health writes", {HEALTHY: f"    mark(at.shelf)\n{HEALTHY}"}, {LOOKING}),
    Bad("logs writes", {WRITTEN: f"    mark(at.shelf)\n{WRITTEN}"}, {LOOKING}),
    Bad("a failed check has no hint", {', hint=f"mkdir {at.books}"': ""}, {NOT_READY}),
    Bad("pre_flight never fails", {"passed=at.books.is_dir()": "passed=True"}, {NOT_READY}),
    Bad("pre_flight always fails", {"passed=at.books.is_dir()": "passed=False"}, {READY, FAILING_LATER}),
    Bad(
        "a look never ends",
        {CHECK: f"    at.books.is_dir() or hang()\n{CHECK}"},
        {"looking_ends_in_time_where_nothing_works"},
    ),
    Bad("health is always good", {"healthy=healthy": "healthy=True"}, {FRESH, FAILING, FAILING_LATER}),
    Bad("health ignores the health check", {"if target.health_check is not None": "if False"}, {HEALTH}),
    Bad(
        "health ignores probe_timeout",
        {"probe(target.health_check": "probe(structs.replace(target.health_check, probe_timeout=60.0)"},
        {HEALTH},
    ),
    Bad("logs has no bound", {BOUNDED: "written"}, {"logs_are_bounded"}),
    Bad("logs has no bound at 0", {BOUNDED: "written[-lines:]"}, {"logs_are_bounded"}),
    Bad("logs ignores since", {LOGS: LOGS.replace("bool", "bool, since: object")}, {"logs_are_bounded"}),
    Bad("logs keeps the line ends", {"splitlines()": "splitlines(keepends=True)"}, {"logs_are_bounded"}),
]

STATES: Final = [
    Bad("status tells running at first", {'state="stopped"': 'state="running"'}, {FRESH}),
    Bad(
        "status tells a release at first",
        {'state="stopped"': 'state="stopped", release=Release(version="v0", revision="0")'},
        {FRESH},
    ),
    Bad("status tells nothing", {RECORD: f"{RECORD} or True"}, {*IN_SERVICE, LOOKING}),
    Bad("status tells a failure", {'state="running"': 'state="failed"'}, {*IN_SERVICE, LOOKING} - {SAME}),
    Bad("status tells another version", {TOLD: TOLD.replace('record["version"]', '"v1"')}, {STATUS}),
    Bad("status tells another revision", {TOLD: TOLD.replace('record["revision"]', '"1"')}, IN_SERVICE),
    Bad("status lacks the details", {TOLD: TOLD.partition(", details")[0]}, {BACK, FAILING, FAILING_LATER}),
    Bad(
        "status remembers in its process",
        {RECORDED: "REMEMBERED.get(shelf)", KEPT: "REMEMBERED[shelf] = record"},
        {STATUS, BACK_ELSEWHERE},
    ),
]

DEPLOYS: Final = [
    Bad(
        "deploy tells another version",
        {DEPLOYED: DEPLOYED.replace("version=version", 'version="latest"')},
        IN_SERVICE - {BACK_ELSEWHERE},
    ),
    Bad(
        "deploy lacks the details",
        {DEPLOYED: DEPLOYED.replace(', details={"copy": copy}', "")},
        {BACK_ELSEWHERE, FAILING_LATER, PRINTING, SECRETS},
    ),
    Bad("two versions have one revision", {"sha256(text)": "sha256()"}, {STATUS, FAILING, FAILING_LATER}),
    Bad("the same is deployed again", {UNCHANGED: "False:"}, {SAME}),
    Bad(
        "the same is started again and called unchanged",
        {UNCHANGED: 'not release.force and not put(at.shelf, version, revision, now.details["copy"]):'},
        {SAME},
    ),
    Bad("force is ignored", {f" and {UNCHANGED}": ":"}, {FORCED}),
    Bad("another version will do", {NO_BOOK: 'version = "v2"'}, {NO_VERSION}),
    Bad("nothing guards the target", {"LOCK_EX": "LOCK_SH"}, {"a_second_deployment_at_the_same_time_is_refused"}),
]

ROLLBACKS: Final = [
    Bad("rollback does nothing", {PUT_BACK: ""}, {BACK, BACK_ELSEWHERE, FAILING, FAILING_LATER}),
    Bad(
        "rollback leaves the broken one in service and status lies",
        {PUT_BACK: PUT_BACK.replace("copy)", 'recorded(at.shelf)["copy"])')},
        {FAILING, FAILING_LATER},
    ),
    Bad(
        "rollback restores another revision",
        {PUT_BACK: PUT_BACK.replace("str(release.revision)", '"1"')},
        {BACK, BACK_ELSEWHERE, FAILING, FAILING_LATER},
    ),
    Bad(
        "rollback tells another revision",
        {ROLLED_BACK: ROLLED_BACK.replace("str(release.revision)", '"1"')},
        {BACK, BACK_ELSEWHERE, FAILING, FAILING_LATER},
    ),
    Bad(
        "rollback tells another version",
        {ROLLED_BACK: ROLLED_BACK.replace("str(release.version)", '"v0"')},
        {BACK, BACK_ELSEWHERE, FAILING_LATER},
    ),
    Bad(
        "rollback knows only what its process deployed",
        {COPIED: f"{COPIED}; REMEMBERED[copy] = True", GONE: "        if copy not in REMEMBERED:"},
        {BACK_ELSEWHERE},
    ),
    Bad("rollback believes any release", {GONE: "        if False:"}, {NO_RELEASE}),
]

OPTIONS: Final = [
    Bad("unknown options are taken", {READ: "fraisier.read_options(known(target), Options)"}, {UNKNOWN_OPTIONS}),
    Bad(
        "missing options are taken", {READ: "fraisier.read_options(completed(target), Options)"}, {MISSING_OPTIONS}
    ),
    Bad(
        "options are read after the first change",
        {f"at = read(target)\n{VERSION}": f"mark(target.folder / 'shelf')\n    at = read(target)\n{VERSION}"},
        {UNKNOWN_OPTIONS, MISSING_OPTIONS},
    ),
]

SAYINGS: Final = [
    Bad("a secret is in a check", {'detail=f"{at.books}"': "detail=at.token.reveal()"}, {SECRETS}),
    Bad("a secret is in an error", {NO_BOOK: NO_BOOK.replace("{version}", "{at.token.reveal()}")}, {SECRETS}),
    Bad("a secret is in a line", {'f"reading {version}"': "at.token.reveal()"}, {SECRETS}),
    Bad("a secret is in a step", {'step("read")': "step(at.token.reveal())"}, {SECRETS}),
    Bad(
        "a secret is in what deploy returns",
        {DEPLOYED: DEPLOYED.replace("}", ', "t": at.token.reveal()}')},
        {SECRETS},
    ),
    Bad("a secret is in what status tells", {TOLD: TOLD.replace("}", ', "t": at.token.reveal()}')}, {SECRETS}),
    Bad("a secret is in the health", {'"the book was opened"': "at.token.reveal()"}, {SECRETS}),
    Bad("a secret is printed", {COPY: f"{COPY}    print(at.token.reveal())\n"}, {SECRETS, PRINTING}),
    Bad("deploy prints", {VERSION: f"{VERSION}    print(version)\n"}, {PRINTING}),
    Bad("rollback prints", {COPY: f"{COPY}    print(copy)\n"}, {PRINTING}),
    Bad("health prints", {HEALTHY: f"    print(record)\n{HEALTHY}"}, {PRINTING}),
]

HOOKS: Final = [
    Bad("a hook is missing", {"@hookimpl\ndef logs": "def logs"}, EVERY),
    Bad(
        "a hook is unknown",
        {"def read(": "@hookimpl\ndef restart(target: Target) -> None: ...\n\n\ndef read("},
        EVERY,
    ),
    Bad("a hook has an argument more", {"health(target: Target)": "health(target: Target, user: str)"}, EVERY),
    Bad("an argument has a default", {"follow: bool)": "follow: bool = False)"}, EVERY),
]
