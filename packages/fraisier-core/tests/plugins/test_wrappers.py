"""Plugins around the six hooks: they see, they may veto, they cannot mask."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Deployed, ProviderError, TargetError
from fraisier.engine.providers.provider import Provider

Offer = Callable[..., Path]
Load = Callable[..., Provider]
Call = Callable[[Provider, str], Any]

SEEING = "seen = []\n" + "\n".join(
    f"@hookimpl(wrapper=True)\ndef {hook}({arguments}):\n"
    f"    seen.append(('{hook}', {arguments}))\n    result = yield\n    seen.append(result)\n    return result\n"
    for hook, arguments in {
        "pre_flight": "target",
        "deploy": "target, release, progress",
        "status": "target",
        "rollback": "target, release, progress",
        "health": "target",
        "logs": "target, lines, follow",
    }.items()
)


def around(body: str, hook: str = "deploy", arguments: str = "release") -> str:
    """Return a wrapper with this body."""
    lines = "\n    ".join(body.splitlines())
    return f"@hookimpl(wrapper=True)\ndef {hook}({arguments}):\n    {lines}\n"


@pytest.mark.parametrize("hook", ["pre_flight", "deploy", "status", "rollback", "health", "logs"])
def test_a_wrapper_sees_the_arguments_and_the_result_of_each_hook(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str], hook: str
) -> None:
    offer()
    plug(SEEING)
    result = call(load(), hook)
    (name, target, *_), seen = sys.modules["acme_timer"].seen
    assert (name, target.identifier) == (hook, "my_api:production")
    assert seen == result
    assert warnings == []


def test_wrappers_of_several_plugins_are_all_called(offer: Offer, plug: Offer, load: Load, call: Call) -> None:
    offer()
    plug(SEEING)
    plug(SEEING, name="tracer")
    call(load(), "health")
    assert len(sys.modules["acme_timer"].seen) == len(sys.modules["acme_tracer"].seen) == 2


def test_a_plugin_may_be_an_object(offer: Offer, plug: Offer, load: Load, call: Call) -> None:
    offer()
    plug(
        "class Timer:\n    calls = 0\n    @hookimpl(wrapper=True)\n    def health(self, target):\n"
        "        self.calls += 1\n        return (yield)\ntimer = Timer()",
        entry="acme_timer:timer",
    )
    call(load(), "health")
    assert sys.modules["acme_timer"].timer.calls == 1


FIRST_DEPLOYED = Deployed(version="v1", revision="r1")


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (
            "result = yield\nraise ValueError('two\\nlines of s3cret')",
            'plugin "timer" (acme-timer 0.9) failed around deploy: ValueError: two lines of ***',
        ),
        (
            "yield\nraise TargetError('mail server away')",
            'plugin "timer" (acme-timer 0.9) failed around deploy: TargetError: mail server away',
        ),
        ("yield\nraise SystemExit(3)", 'plugin "timer" (acme-timer 0.9) failed around deploy: SystemExit: 3'),
        (
            "yield\nimport json\njson.loads('{')",
            'plugin "timer" (acme-timer 0.9) failed around deploy: JSONDecodeError: '
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            "yield",
            "a plugin changed what deploy returned, which is ignored: "
            "it returned nothing, the contract says Deployed",
        ),
        (
            "yield\nreturn 's3cret'",
            "a plugin changed what deploy returned, which is ignored: it returned str, the contract says Deployed",
        ),
        (
            "yield\nreturn Deployed(version='v9', revision=None)",
            "a plugin changed what deploy returned, which is ignored: it returned a Deployed "
            "that does not hold what it must: Expected str, got null - at $.revision",
        ),
    ],
)
def test_a_wrapper_that_fails_after_the_provider_returned_is_a_warning(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str], body: str, warning: str
) -> None:
    offer()
    plug(around(body))
    assert call(load(), "deploy") == FIRST_DEPLOYED
    assert warnings == [warning]


def test_a_wrapper_that_yields_twice_is_a_warning(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str]
) -> None:
    offer()
    plug(around("yield\nyield"))
    assert call(load(), "deploy") == FIRST_DEPLOYED
    (warning,) = warnings
    assert warning.startswith("a plugin failed around deploy: RuntimeError: wrap_controller at 'deploy' ")
    assert warning.endswith(" has second yield")


@pytest.mark.parametrize(
    ("result", "taken"),
    [
        ("result", FIRST_DEPLOYED),
        ("Deployed(version='v1', revision='r1', details={'seconds': 3})", None),
    ],
)
def test_a_result_of_the_right_type_from_a_wrapper_is_taken(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str], result: str, taken: Deployed | None
) -> None:
    offer()
    plug(around(f"result = yield\nreturn {result}"))
    expected = taken or Deployed(version="v1", revision="r1", details={"seconds": 3})
    assert call(load(), "deploy") == expected
    assert warnings == []


CALLED = "called = []\n"
NOTING = (
    "def deploy(target, release, progress):\n    called.append(release)\n    raise TargetError('no space left')"
)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (
            "raise ValueError('two\\nlines of s3cret')\nyield",
            ProviderError,
            'plugin "timer" (acme-timer 0.9) failed before deploy, which was not called: '
            "ValueError: two lines of ***; rerun with --trace",
        ),
        (
            "raise SystemExit(3)\nyield",
            ProviderError,
            'plugin "timer" (acme-timer 0.9) failed before deploy, which was not called: SystemExit: 3; '
            "rerun with --trace",
        ),
        (
            "raise FraisierError('the root')\nyield",
            ProviderError,
            'plugin "timer" (acme-timer 0.9) failed before deploy, which was not called: '
            "FraisierError: the root; rerun with --trace",
        ),
        (
            "raise ConfigError('not on\\n Fridays, s3cret', hint='come back on Monday')\nyield",
            ConfigError,
            "not on Fridays, ***; come back on Monday",
        ),
    ],
)
def test_a_wrapper_that_raises_first_keeps_the_provider_from_being_called(
    offer: Offer, plug: Offer, load: Load, call: Call, body: str, kind: type[Exception], message: str
) -> None:
    offer(before=CALLED, deploy=NOTING)
    plug(around(body))
    with pytest.raises(kind) as caught:
        call(load(), "deploy")
    assert str(caught.value) == message
    assert type(caught.value) is kind
    assert sys.modules["acme_demo"].called == []


def test_a_wrapper_that_returns_without_a_yield_keeps_the_provider_from_being_called(
    offer: Offer, plug: Offer, load: Load, call: Call
) -> None:
    offer(before=CALLED, deploy=NOTING)
    plug(around("return\nyield"))
    with pytest.raises(
        ProviderError, match=r"^a plugin failed before deploy, which was not called: RuntimeError: "
    ):
        call(load(), "deploy")
    assert sys.modules["acme_demo"].called == []


@pytest.mark.parametrize(
    "handling",
    [
        "pass",
        "return Deployed(version='v2', revision='r2')",
        "raise ValueError('another')",
        "raise ConfigError('another')",
        "raise SystemExit(0)",
    ],
)
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        ("TargetError('no space left')", TargetError, "no space left"),
        (
            "KeyError('x')",
            ProviderError,
            "provider \"demo\" (acme-demo 1.2.3) failed in deploy: it raised KeyError: 'x'; rerun with --trace",
        ),
        ("KeyboardInterrupt('Ctrl-C')", KeyboardInterrupt, "Ctrl-C"),
    ],
)
def test_a_wrapper_cannot_mask_what_the_provider_raised(
    offer: Offer,
    plug: Offer,
    load: Load,
    call: Call,
    warnings: list[str],
    handling: str,
    error: str,
    kind: type[BaseException],
    message: str,
) -> None:
    offer(deploy=f"def deploy(target, release, progress): raise {error}")
    plug(around(f"try:\n    yield\nexcept BaseException: {handling}"))
    with pytest.raises(kind) as caught:
        call(load(), "deploy")
    assert (type(caught.value), str(caught.value)) == (kind, message)
    assert warnings == []


def test_a_wrapper_cannot_mend_what_the_provider_should_have_returned(
    offer: Offer, plug: Offer, load: Load, call: Call
) -> None:
    offer(deploy="def deploy(target, release, progress): pass")
    plug(around("yield\nreturn Deployed(version='v1', revision='r1')"))
    with pytest.raises(ProviderError, match="failed in deploy: it returned nothing, the contract says Deployed"):
        call(load(), "deploy")


def test_ctrl_c_in_a_wrapper_passes(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str]
) -> None:
    offer()
    plug(around("yield\nraise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        call(load(), "deploy")
    assert warnings == []


def test_what_a_wrapper_raises_is_seen_by_the_plugins_around_it_and_is_a_warning(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str]
) -> None:
    offer()
    plug(around("yield\nraise ValueError('x')", "health", "target"), name="broken")
    seeing = "try: yield\nexcept ValueError as error:\n    seen.append(str(error))\n    raise"
    plug("seen = []\n" + around(seeing, "health", "target"))
    assert call(load(), "health").healthy
    assert sys.modules["acme_timer"].seen == ["x"]
    assert warnings == ['plugin "broken" (acme-broken 0.9) failed around health: ValueError: x']


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "@hookimpl\ndef deploy(target, release, progress): pass",
            "it implements deploy itself; a plugin may only wrap it",
        ),
        ("@hookimpl\ndef health(target): pass", "it implements health itself; a plugin may only wrap it"),
        (
            "@hookimpl\ndef deployment_ended(deployment): pass",
            'it implements an unknown hook "deployment_ended"; did you mean "deployment_finished"?',
        ),
        (
            "@hookimpl(wrapper=True)\ndef deploys(target): return (yield)",
            'it implements an unknown hook "deploys"; did you mean "deploy"?',
        ),
        (
            "@hookimpl(hookwrapper=True)\ndef deploy(target): yield",
            "deploy is a wrapper of the old style; @hookimpl(wrapper=True) makes one of the new",
        ),
        (
            "@hookimpl(wrapper=True)\ndef deploy(target): return None",
            "deploy is a wrapper that does not yield",
        ),
        (
            "@hookimpl(wrapper=True)\ndef deploy(target, dry_run): return (yield)",
            "deploy takes dry_run, the contract says (target, release, progress)",
        ),
        (
            "@hookimpl(wrapper=True)\ndef deploy(target, release=None): return (yield)",
            "deploy has a default for its argument release; hooks have none",
        ),
        (
            "@hookimpl(wrapper=True)\ndef deploy(*, target): return (yield)",
            "deploy takes target as a keyword-only argument; hooks take plain ones",
        ),
        (
            "@hookimpl\ndef deployment_started(record): pass",
            "deployment_started takes record, the contract says (deployment)",
        ),
        (
            "@hookimpl\nasync def deployment_started(deployment): pass",
            "deployment_started is async; hooks are plain functions",
        ),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def deploy(:", "SyntaxError: invalid syntax (acme_timer.py, line 3)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise TargetError('no', hint='yes')", "no; yes"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_warning_and_the_rest_goes_on(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str], text: str, problem: str
) -> None:
    offer()
    plug(text)
    plug(SEEING, name="tracer")
    provider = load()
    assert warnings == [f'plugin "timer" (acme-timer 0.9) is not used: {problem}']
    assert call(provider, "deploy") == FIRST_DEPLOYED
    assert len(sys.modules["acme_tracer"].seen) == 2


def test_nothing_of_a_plugin_that_is_not_used_is_called(offer: Offer, plug: Offer, load: Load, call: Call) -> None:
    offer()
    plug(SEEING + "@hookimpl(wrapper=True, specname='status')\ndef zzz(no_such_argument): return (yield)")
    call(load(), "deploy")
    assert sys.modules["acme_timer"].seen == []


def test_ctrl_c_while_a_plugin_is_imported_passes(offer: Offer, plug: Offer, load: Load) -> None:
    offer()
    plug("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_plugins_with_one_name_from_two_distributions_are_both_used(
    offer: Offer, plug: Offer, load: Load, call: Call, warnings: list[str]
) -> None:
    offer()
    plug(SEEING)
    plug(SEEING, distribution="other-timer")
    call(load(), "health")
    assert len(sys.modules["acme_timer"].seen) == len(sys.modules["other_timer"].seen) == 2
    assert warnings == []


def test_a_provider_offered_as_a_plugin_too_is_not_used_as_one(
    offer: Offer, load: Load, call: Call, warnings: list[str]
) -> None:
    offer()
    offer("sneaky", distribution="acme-sneaky", group="fraisier.plugins", entry="acme_demo")
    assert call(load(), "deploy") == FIRST_DEPLOYED
    assert warnings == [
        'plugin "sneaky" (acme-sneaky 1.2.3) is not used: it implements deploy itself; a plugin may only wrap it'
    ]
