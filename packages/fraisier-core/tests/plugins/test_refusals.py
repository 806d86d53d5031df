"""Every way in which a provider can break the contract, refused when it is loaded, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fraisier import ProviderError
from fraisier.engine.providers.provider import Provider

Offer = Callable[..., Path]
Load = Callable[..., Provider]


def refusal(load: Load) -> str:
    with pytest.raises(ProviderError) as caught:
        load()
    assert (caught.value.kind, caught.value.exit_code) == ("provider", 10)
    return str(caught.value)


def test_a_provider_that_keeps_to_the_contract_is_loaded(offer: Offer, load: Load, warnings: list[str]) -> None:
    offer()
    assert load().options is None
    assert warnings == []


DEPLOY = "(target, release, progress)"
DEPLOYED = "return Deployed(version='v1', revision='r1')"
WRAPPER = 'wrappers belong to a plugin in the group "fraisier.plugins"'


@pytest.mark.parametrize(
    ("hooks", "violation"),
    [
        ({"logs": None}, "it does not implement logs"),
        ({"pre_flight": None, "logs": None}, "it does not implement pre_flight"),
        (
            {"logs": "# undecorated\ndef logs(target, lines, follow): return []"},
            "logs is not decorated with @hookimpl",
        ),
        (
            {"deploy": f"def depoly{DEPLOY}: {DEPLOYED}"},
            'it implements an unknown hook "depoly"; did you mean "deploy"?',
        ),
        (
            {"after": "@hookimpl\ndef zzz(target): pass"},
            'it implements an unknown hook "zzz"; known: deploy, health, logs, pre_flight, rollback, status',
        ),
        (
            {"after": "@hookimpl(optionalhook=True)\ndef restart(target): pass"},
            'it implements an unknown hook "restart"; did you mean "status"?',
        ),
        (
            {"after": "@hookimpl\ndef deployment_finished(deployment): pass"},
            'it implements an unknown hook "deployment_finished"; '
            "known: deploy, health, logs, pre_flight, rollback, status",
        ),
        (
            {"deploy": f"def deploy(target, release, progress, dry_run): {DEPLOYED}"},
            f"deploy takes (target, release, progress, dry_run), the contract says {DEPLOY}",
        ),
        (
            {"deploy": f"def deploy(target, release): {DEPLOYED}"},
            f"deploy takes (target, release), the contract says {DEPLOY}",
        ),
        ({"health": "def health(): pass"}, "health takes (), the contract says (target)"),
        (
            {"deploy": f"def deploy(release, target, progress): {DEPLOYED}"},
            f"deploy takes (release, target, progress), the contract says {DEPLOY}",
        ),
        (
            {"status": "def status(server): pass"},
            "status takes (server), the contract says (target)",
        ),
        (
            {"logs": "def logs(target, lines, follow=False): return []"},
            "logs has a default for its argument follow; hooks have none",
        ),
        (
            {"deploy": f"def deploy(target, release, progress, dry_run=False): {DEPLOYED}"},
            "deploy has a default for its argument dry_run; hooks have none",
        ),
        (
            {"logs": "def logs(target, lines, *, follow): return []"},
            "logs takes follow as a keyword-only argument; hooks take plain ones",
        ),
        (
            {"health": "def health(target, /): return Health(healthy=True)"},
            "health takes target as a positional-only argument; hooks take plain ones",
        ),
        (
            {"health": "def health(*args): return Health(healthy=True)"},
            "health takes args as a variadic positional argument; hooks take plain ones",
        ),
        (
            {"health": "def health(target, **more): return Health(healthy=True)"},
            "health takes more as a variadic keyword argument; hooks take plain ones",
        ),
        (
            {"deploy": f"@hookimpl(wrapper=True)\ndef deploy{DEPLOY}: return (yield)"},
            f"deploy is a wrapper; {WRAPPER}",
        ),
        (
            {"deploy": f"@hookimpl(hookwrapper=True)\ndef deploy{DEPLOY}: yield"},
            f"deploy is a wrapper; {WRAPPER}",
        ),
        (
            {"deploy": f"@hookimpl(wrapper=True)\ndef deploy{DEPLOY}: {DEPLOYED}"},
            f"deploy is a wrapper; {WRAPPER}",
        ),
        (
            {"after": f"@hookimpl(wrapper=True, specname='deploy')\ndef around{DEPLOY}: return (yield)"},
            "it implements deploy twice, as around and deploy",
        ),
        (
            {"after": f"@hookimpl(specname='deploy')\ndef deploy_faster{DEPLOY}: {DEPLOYED}"},
            "it implements deploy twice, as deploy and deploy_faster",
        ),
        (
            {"after": "again = health"},
            'it implements an unknown hook "again"; known: deploy, health, logs, pre_flight, rollback, status',
        ),
        ({"deploy": f"async def deploy{DEPLOY}: {DEPLOYED}"}, "deploy is async; hooks are plain functions"),
        ({"logs": "async def logs(target, lines, follow): yield ''"}, "logs is async; hooks are plain functions"),
        (
            {"deploy": f"def deploy{DEPLOY}:\n    yield 'fetching'\n    {DEPLOYED}"},
            "deploy yields where it must return",
        ),
        ({"pre_flight": "def pre_flight(target): yield"}, "pre_flight yields where it must return"),
        ({"after": "Options = dict"}, "its Options is not a subclass of fraisier.Options"),
        ({"after": "Options = {'branch': str}"}, "its Options is not a subclass of fraisier.Options"),
        ({"entry": "acme_demo:hooks", "after": "class Hooks: pass\nhooks = Hooks()"}, None),
        ({"entry": "acme_demo:deploy"}, None),
        ({"entry": "acme_demo:nothing", "after": "nothing = None"}, None),
        (
            {
                "entry": "acme_demo:hooks",
                "after": "class Hooks:\n    @hookimpl\n    def deploy(self, server): pass\nhooks = Hooks()",
            },
            None,
        ),
    ],
)
def test_a_provider_that_breaks_the_contract_is_refused_in_one_sentence(
    offer: Offer, load: Load, hooks: dict[str, Any], violation: str | None
) -> None:
    offer(**hooks)
    violation = violation or f"its entry point {hooks['entry']} does not name a module"
    assert refusal(load) == (
        f'provider "demo" (acme-demo 1.2.3) breaks the contract: {violation}; tell the authors of acme-demo'
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_sdk", "ModuleNotFoundError: No module named 'no_such_sdk'"),
        ("from fraisier import Deployer", "ImportError: cannot import name 'Deployer' from 'fraisier' ({path})"),
        ("def deploy(:", "SyntaxError: invalid syntax (acme_demo.py, line 1)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("raise ValueError('two\\n  lines')", "ValueError: two lines"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class Odd(BaseException): pass\nraise Odd('odd')", "Odd: odd"),
    ],
)
def test_a_provider_that_cannot_be_imported_is_refused_with_the_reason(
    offer: Offer, load: Load, text: str, reason: str
) -> None:
    import fraisier

    offer(text=text)
    assert refusal(load) == (
        f'provider "demo" (acme-demo 1.2.3) cannot be imported: {reason.format(path=fraisier.__file__)}; '
        "reinstall acme-demo, or rerun with --trace"
    )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("acme_demo:no_such_name", "AttributeError: module 'acme_demo' has no attribute 'no_such_name'"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_refused(offer: Offer, load: Load, entry: str, reason: str) -> None:
    offer(entry=entry)
    assert refusal(load) == (
        f'provider "demo" (acme-demo 1.2.3) cannot be imported: {reason}; '
        "reinstall acme-demo, or rerun with --trace"
    )


def test_the_reason_is_kept_for_the_trace(offer: Offer, load: Load) -> None:
    offer(text="import no_such_sdk")
    with pytest.raises(ProviderError) as caught:
        load()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_ctrl_c_during_the_import_is_no_fault_of_the_provider(offer: Offer, load: Load) -> None:
    offer(text="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_a_function_that_keeps_its_signature_under_a_decorator_is_fine(offer: Offer, load: Load) -> None:
    before = (
        "from functools import wraps\ndef logged(function):\n    @wraps(function)\n"
        "    def inner(*args, **kwargs): return function(*args, **kwargs)\n    return inner\n"
    )
    offer(before=before, health=f"@hookimpl\n@logged\n{'def health(target): return Health(healthy=True)'}")
    load()


def test_hooks_may_have_other_names_with_specname(offer: Offer, load: Load) -> None:
    offer(health="@hookimpl(specname='health')\ndef look(target): return Health(healthy=True)")
    load()


def test_the_options_of_a_provider_are_found(offer: Offer, load: Load) -> None:
    offer(after="from fraisier import Options as Base\nclass Options(Base):\n    branch: str = 'main'")
    options = load().options
    assert options is not None
    assert [field.name for field in msgspec.structs.fields(options)] == ["branch"]
