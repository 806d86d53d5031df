"""Plugins that hear of deployments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fraisier import Deployment
from fraisier.engine.providers.provider import Provider

Offer = Callable[..., Path]
Load = Callable[..., Provider]

RECORD = Deployment(
    id="id-1",
    identifier="my_api:production:1",
    kind="deploy",
    fraise="my_api",
    environment="production",
    provider="demo",
    status="running",
    version="v1",
    revision=None,
    previous_version=None,
    previous_revision=None,
    started_at=datetime(2026, 1, 2, tzinfo=UTC),
    finished_at=None,
    duration_seconds=None,
    user="alice@laptop",
    error=None,
    steps=[],
)
LISTENING = """\
heard = []
@hookimpl
def deployment_started(deployment): heard.append(("started", deployment))
@hookimpl
def deployment_finished(deployment): heard.append(("finished", deployment))
"""


def test_listeners_get_the_record(offer: Offer, plug: Offer, load: Load, warnings: list[str]) -> None:
    offer()
    plug(LISTENING)
    provider = load()
    provider.deployment_started(RECORD)
    provider.deployment_finished(RECORD)
    assert sys.modules["acme_timer"].heard == [("started", RECORD), ("finished", RECORD)]
    assert warnings == []


def test_a_listener_may_hear_only_the_end_and_wrap_a_hook_too(offer: Offer, plug: Offer, load: Load) -> None:
    offer()
    plug(
        "heard = []\n@hookimpl\ndef deployment_finished(deployment): heard.append(deployment)\n"
        "@hookimpl(wrapper=True)\ndef health(target): return (yield)"
    )
    provider = load()
    provider.deployment_started(RECORD)
    provider.deployment_finished(RECORD)
    assert sys.modules["acme_timer"].heard == [RECORD]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("ValueError('two\\nlines of s3cret')", "ValueError: two lines of ***"),
        ("TargetError('mail server away', hint='wait')", "TargetError: mail server away; wait"),
        ("SystemExit(3)", "SystemExit: 3"),
        ("ValueError", "ValueError"),
    ],
)
def test_a_listener_that_fails_is_a_warning_and_the_others_hear(
    offer: Offer, plug: Offer, load: Load, warnings: list[str], error: str, told: str
) -> None:
    offer()
    plug(LISTENING, name="before")
    plug(f"@hookimpl\ndef deployment_finished(deployment): raise {error}", name="broken")
    plug(LISTENING, name="zebra")
    load().deployment_finished(RECORD)
    assert sys.modules["acme_before"].heard == sys.modules["acme_zebra"].heard == [("finished", RECORD)]
    assert warnings == [f'plugin "broken" (acme-broken 0.9) failed in deployment_finished: {told}']


def test_ctrl_c_in_a_listener_passes(offer: Offer, plug: Offer, load: Load) -> None:
    offer()
    plug("@hookimpl\ndef deployment_started(deployment): raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load().deployment_started(RECORD)


def test_without_plugins_nobody_needs_to_hear(offer: Offer, load: Load, warnings: list[str]) -> None:
    offer()
    load().deployment_finished(RECORD)
    assert warnings == []
