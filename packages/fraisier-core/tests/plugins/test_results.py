"""What a hook returns is held to its type, in depth; what it raises is told as the provider's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fraisier import (
    Check,
    ConfigError,
    Deployed,
    DeploymentLockedError,
    FraisierError,
    Health,
    ProviderError,
    Release,
    Session,
    Status,
    Target,
    TargetError,
    Unsupported,
)
from fraisier.engine.providers.provider import Provider

Offer = Callable[..., Path]
Load = Callable[..., Provider]
Call = Callable[[Provider, str], Any]

ARGUMENTS = {
    "pre_flight": "target",
    "deploy": "target, release, progress",
    "status": "target",
    "rollback": "target, release, progress",
    "health": "target",
    "logs": "target, lines, follow",
}
TYPES = {
    "pre_flight": "list[Check]",
    "deploy": "Deployed",
    "status": "Status",
    "rollback": "Deployed",
    "health": "Health",
    "logs": "Iterable[str]",
}


def doing(hook: str, body: str) -> dict[str, str]:
    """Return a hook with another body."""
    return {hook: f"def {hook}({ARGUMENTS[hook]}): {body}"}


def returning(hook: str, value: str) -> dict[str, str]:
    return doing(hook, f"return {value}")


def failure_of(load: Load, call: Call, hook: str) -> FraisierError:
    with pytest.raises(FraisierError) as caught:
        call(load(), hook)
    assert "\n" not in str(caught.value)
    return caught.value


def test_each_hook_gives_its_model(offer: Offer, load: Load, call: Call) -> None:
    offer()
    provider = load()
    assert {hook: call(provider, hook) for hook in ARGUMENTS} == {
        "pre_flight": [Check(name="disk", passed=True, detail="ok")],
        "deploy": Deployed(version="v1", revision="r1"),
        "status": Status(state="running", release=Release(version="v1", revision="r1")),
        "rollback": Deployed(version="v0", revision="r0"),
        "health": Health(healthy=True, detail="got 200"),
        "logs": ["one", "two"],
    }


WRONG = [("None", "nothing"), ("'text'", "str"), ("b'text'", "bytes"), ("5", "int")]
WRONG_UNLESS_A_LOG = [
    ("(each for each in [])", "generator"),
    ("{'healthy': True}", "dict"),
    ("[5]", "list"),
    ("[Check(name='disk', passed=True), None]", "list"),
]


@pytest.mark.parametrize(
    ("hook", "value", "described"),
    [
        (hook, value, described)
        for hook in ARGUMENTS
        for value, described in WRONG + (WRONG_UNLESS_A_LOG if hook != "logs" else [])
    ],
)
def test_a_result_of_a_wrong_type_is_told(
    offer: Offer, load: Load, call: Call, hook: str, value: str, described: str
) -> None:
    offer(**returning(hook, value))
    assert str(failure_of(load, call, hook)) == (
        f'provider "demo" (acme-demo 1.2.3) failed in {hook}: it returned {described}, '
        f"the contract says {TYPES[hook]}; rerun with --trace"
    )


@pytest.mark.parametrize(
    ("hook", "value", "what"),
    [
        ("deploy", "Deployed(version=None, revision='r1')", "Expected str, got null - at $.version"),
        ("deploy", "Deployed(version='v1', revision=7)", "Expected str, got int - at $.revision"),
        ("deploy", "Deployed(version='v1', revision='r1', changed='no')", "Expected bool, got str - at $.changed"),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details=[])",
            "Expected object, got array - at $.details",
        ),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details={'path': Path('/srv')})",
            "Encoding objects of type PosixPath is unsupported",
        ),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details={'run': print})",
            "Encoding objects of type builtin_function_or_method is unsupported",
        ),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details={'password': Secret('hunter2')})",
            "Encoding objects of type Secret is unsupported",
        ),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details=endless)",
            "maximum recursion depth exceeded while serializing an object",
        ),
        (
            "deploy",
            "Deployed(version='v1', revision='r1', details={'name': 'caf\\udce9'})",
            "'utf-8' codec can't encode character '\\udce9' in position 3: surrogates not allowed",
        ),
        ("rollback", "Deployed(version='v1', revision=None)", "Expected str, got null - at $.revision"),
        ("status", "Status(state='up')", "Invalid enum value 'up' - at $.state"),
        ("status", "Status(state='running', release='v1')", "Expected object | null, got str - at $.release"),
        (
            "status",
            "Status(state='running', since=datetime(2026, 1, 2))",
            "Expected datetime with a timezone component - at $.since",
        ),
        ("status", "Status(state='running', since='yesterday')", "Invalid RFC3339 encoded datetime - at $.since"),
        ("status", "Status(state='running', earlier=[None])", "Expected object, got null - at $.earlier[0]"),
        (
            "status",
            "Status(state='running', details={'at': object()})",
            "Encoding objects of type object is unsupported",
        ),
        (
            "status",
            "Status(state='running', release=Release(details={'key': Secret('hunter2')}))",
            "Encoding objects of type Secret is unsupported",
        ),
        ("health", "Health(healthy='yes')", "Expected bool, got str - at $.healthy"),
        ("health", "Health(healthy=True, detail=None)", "Expected str, got null - at $.detail"),
        (
            "health",
            "Health(healthy=True, latency_seconds='1')",
            "Expected float | null, got str - at $.latency_seconds",
        ),
        ("pre_flight", "[Check(name='disk', passed=1)]", "Expected bool, got int - at $[0].passed"),
        (
            "pre_flight",
            "[Check(name='disk', passed=True), Check(name='git', passed=True, hint=None)]",
            "Expected str, got null - at $[1].hint",
        ),
    ],
)
def test_a_model_with_wrong_contents_is_told(
    offer: Offer, load: Load, call: Call, hook: str, value: str, what: str
) -> None:
    before = "from datetime import datetime\nfrom pathlib import Path\nendless = {}\nendless['again'] = endless\n"
    offer(before=before, **returning(hook, value))
    assert str(failure_of(load, call, hook)) == (
        f'provider "demo" (acme-demo 1.2.3) failed in {hook}: it returned a {TYPES[hook]} '
        f"that does not hold what it must: {what}; rerun with --trace"
    )


def test_details_come_back_as_a_record_gives_them_on_another_day(offer: Offer, load: Load, call: Call) -> None:
    details = "{'tuple': (1, 2), 'none': None, 'nested': {'deep': [True, 1.5]}, 8080: 'port'}"
    offer(**returning("deploy", f"Deployed(version='v1', revision='r1', details={details})"))
    assert call(load(), "deploy").details == {
        "tuple": [1, 2],
        "none": None,
        "nested": {"deep": [True, 1.5]},
        "8080": "port",
    }


def test_a_moment_in_another_zone_is_the_same_moment(offer: Offer, load: Load, call: Call) -> None:
    since = "datetime(2026, 1, 2, 5, tzinfo=timezone(timedelta(hours=2)))"
    offer(
        before="from datetime import datetime, timedelta, timezone\n",
        **returning("status", f"Status(state='running', since={since})"),
    )
    assert call(load(), "status").since == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_a_tuple_of_checks_is_a_list_of_checks(offer: Offer, load: Load, call: Call) -> None:
    offer(**returning("pre_flight", "(Check(name='disk', passed=True),)"))
    assert call(load(), "pre_flight") == [Check(name="disk", passed=True)]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return []", []),
        ("return iter(['one'])", ["one"]),
        ("yield 'one'", ["one"]),
        ("return (f'{number}' for number in range(3))", ["0", "1", "2"]),
        ("return {'one': 1}", ["one"]),
    ],
)
def test_a_log_may_be_anything_that_gives_lines(
    offer: Offer, load: Load, call: Call, body: str, lines: list[str]
) -> None:
    offer(**doing("logs", body))
    assert call(load(), "logs") == lines


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("yield 'one'; yield b'two'", "it gave bytes, the contract says Iterable[str]"),
        ("yield 'one'; yield None", "it gave nothing, the contract says Iterable[str]"),
        ("yield 'one'; 1 / 0", "it raised ZeroDivisionError: division by zero"),
        ("yield 'one'; raise SystemExit(3)", "it raised SystemExit: 3"),
        ("yield 'one'; raise StopIteration", "it raised RuntimeError: generator raised StopIteration"),
    ],
)
def test_a_log_that_breaks_off_is_told_after_what_it_gave(
    offer: Offer, load: Load, arguments: tuple[Target, int, bool], body: str, what: str
) -> None:
    offer(**doing("logs", body))
    lines = load().logs(*arguments)
    assert next(lines) == "one"
    with pytest.raises(ProviderError) as caught:
        next(lines)
    assert str(caught.value) == (f'provider "demo" (acme-demo 1.2.3) failed in logs: {what}; rerun with --trace')


@pytest.fixture
def arguments(tmp_path: Path) -> Iterator[tuple[Target, int, bool]]:
    with Session() as session:
        target = Target(
            fraise="api", environment="dev", provider="demo", options={}, folder=tmp_path, session=session
        )
        yield target, 10, True


def test_a_log_is_closed_as_soon_as_nobody_asks_any_more(
    offer: Offer, load: Load, arguments: tuple[Target, int, bool], tmp_path: Path
) -> None:
    ended = tmp_path / "ended"
    body = f"\n    try:\n        while True: yield 'line'\n    finally: open({str(ended)!r}, 'w').close()"
    offer(**doing("logs", body))
    provider = load()
    lines = provider.logs(*arguments)
    next(lines)
    assert not ended.exists()
    lines.close()  # type: ignore[attr-defined]
    assert ended.exists()


def test_an_error_of_fraisier_in_a_log_keeps_its_kind(offer: Offer, load: Load, call: Call) -> None:
    offer(**doing("logs", "yield 'one'; raise TargetError('the host is gone with s3cret')"))
    with pytest.raises(TargetError, match=r"^the host is gone with \*\*\*$"):
        call(load(), "logs")


def test_ctrl_c_in_a_log_ends_it(offer: Offer, load: Load, call: Call) -> None:
    offer(**doing("logs", "yield 'one'; raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        call(load(), "logs")


@pytest.mark.parametrize("hook", [hook for hook in ARGUMENTS if hook != "logs"])
@pytest.mark.parametrize(
    ("error", "what"),
    [
        ("KeyError('x')", "KeyError: 'x'"),
        ("ValueError", "ValueError"),
        ("ValueError('two\\n  lines of s3cret')", "ValueError: two lines of ***"),
        ("SystemExit(3)", "SystemExit: 3"),
        ("StopIteration('x')", "StopIteration: x"),
        ("GeneratorExit", "GeneratorExit"),
        ("FraisierError('the root of all')", "FraisierError: the root of all"),
    ],
)
def test_a_foreign_error_is_told_as_the_providers(
    offer: Offer, load: Load, call: Call, hook: str, error: str, what: str
) -> None:
    offer(**doing(hook, f"raise {error}"))
    failure = failure_of(load, call, hook)
    assert str(failure) == (
        f'provider "demo" (acme-demo 1.2.3) failed in {hook}: it raised {what}; rerun with --trace'
    )
    assert (type(failure), failure.exit_code) == (ProviderError, 10)
    assert type(failure.__cause__).__name__ == what.partition(":")[0]


@pytest.mark.parametrize("hook", ARGUMENTS)
def test_ctrl_c_in_a_hook_is_not_the_providers_fault(offer: Offer, load: Load, call: Call, hook: str) -> None:
    offer(**doing(hook, "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        call(load(), hook)


@pytest.mark.parametrize("hook", ARGUMENTS)
@pytest.mark.parametrize("kind", [TargetError, ConfigError, DeploymentLockedError, Unsupported])
def test_an_error_of_fraisier_passes_without_its_secrets(
    offer: Offer, load: Load, call: Call, hook: str, kind: type[FraisierError]
) -> None:
    more = (
        "hint='log in with s3cret', problems=['a s3cret', 'b'], "
        "command='curl -u me:s3cret', log=['starting', 'token s3cret']"
    )
    offer(**doing(hook, f"raise {kind.__name__}('no entry\\n with s3cret', {more})"))
    failure = failure_of(load, call, hook)
    assert type(failure) is kind
    assert str(failure) == "no entry with ***; log in with ***"
    assert repr(failure) == f"{kind.__name__}('no entry with ***')"
    assert failure.problems == ["a ***", "b"]
    assert failure.command == "curl -u me:***"
    assert failure.log == ["starting", "token ***"]


def test_an_error_of_fraisier_keeps_the_cause_that_the_provider_gave_it(
    offer: Offer, load: Load, call: Call
) -> None:
    body = "\n    try: 1 / 0\n    except ZeroDivisionError as error: raise TargetError('no way') from error"
    offer(**doing("deploy", body))
    assert isinstance(failure_of(load, call, "deploy").__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "message", "log", "problems"),
    [
        ("TargetError(OSError('no route'))", "no route", [], []),
        ("TargetError('x', log='one\\ntwo s3cret')", "x", ["one", "two ***"], []),
        ("TargetError('x', problems='one')", "x", [], ["one"]),
        ("TargetError('x', log=[1, None])", "x", ["1", "None"], []),
    ],
)
def test_an_error_of_fraisier_made_carelessly_passes_too(
    offer: Offer, load: Load, call: Call, error: str, message: str, log: list[str], problems: list[str]
) -> None:
    offer(**doing("deploy", f"raise {error}"))
    failure = failure_of(load, call, "deploy")
    assert (type(failure), str(failure), failure.log, failure.problems) == (TargetError, message, log, problems)


def test_secrets_are_masked_in_what_hooks_return(offer: Offer, load: Load, call: Call) -> None:
    offer(
        **returning("pre_flight", "[Check(name='a', passed=False, detail='b s3cret', hint='c s3cret')]"),
        **returning("deploy", "Deployed(version='v1', revision='r1', details={'url': 'x:s3cret@y'})"),
        **returning("rollback", "Deployed(version='v1', revision='r1', details={'urls': ['s3cret']})"),
        **returning("status", "Status(state='failed', details={'why': 's3cret'})"),
        **returning("health", "Health(healthy=False, detail='got s3cret')"),
        **returning("logs", "['a', 'b s3cret']"),
    )
    provider = load()
    assert call(provider, "pre_flight") == [Check(name="a", passed=False, detail="b ***", hint="c ***")]
    assert call(provider, "deploy").details == {"url": "x:***@y"}
    assert call(provider, "rollback").details == {"urls": ["***"]}
    assert call(provider, "status").details == {"why": "***"}
    assert call(provider, "health").detail == "got ***"
    assert call(provider, "logs") == ["a", "b ***"]


def test_a_failed_call_leaves_nothing_behind_for_the_next(offer: Offer, load: Load, call: Call) -> None:
    offer(**doing("deploy", "raise TargetError('no')"))
    provider = load()
    with pytest.raises(TargetError):
        call(provider, "deploy")
    assert call(provider, "health").healthy


SOMEWHERE = Target(fraise="a", environment="b", provider="demo", folder=Path(), options={}, session=Session())


def test_a_log_is_asked_for_what_was_written_since_a_moment(offer: Offer, load: Load) -> None:
    offer(logs="def logs(target, lines, follow, since): return [str(since)]")
    provider = load()
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert list(provider.logs(SOMEWHERE, 1, False, moment)) == ["2026-01-02 00:00:00+00:00"]
    assert list(provider.logs(SOMEWHERE, 1, False)) == ["None"]


def test_a_provider_whose_log_tells_no_times_says_so(offer: Offer, load: Load) -> None:
    offer()
    with pytest.raises(Unsupported) as caught:
        load().logs(SOMEWHERE, 1, False, datetime(2026, 1, 2, tzinfo=UTC))
    assert str(caught.value) == 'provider "demo" cannot choose lines by their time; leave --since out'
