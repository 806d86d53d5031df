"""Whatever is in the file: it is read, or refused with a ConfigError of one line."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from fraisier.contract.errors import ConfigError
from fraisier.contract.models import HealthCheck
from fraisier.engine.configuration.config import Config, load_config
from fraisier.engine.configuration.redaction import Redactor, redacted_configuration
from hypothesis import example, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arbitrary") / "fraises.yaml"


def refusal(use: Callable[[], object]) -> ConfigError | None:
    """Return the only kind of error that may come."""
    try:
        use()
    except ConfigError as error:
        return error
    return None


def check(path: Path, data: bytes) -> bool:
    """Load what is given and use what was loaded; tell whether there is a place in it."""
    path.write_bytes(data)
    error = refusal(lambda: load_config(path))
    if error is not None:
        assert str(error).isprintable()
        # An older form is shown in the new one, which is YAML again.
        assert "older form" in str(error) or all(problem.isprintable() for problem in error.problems)
        return False
    config = load_config(path)
    assert isinstance(config, Config)
    for place in config.places.values():
        assert config.place(place.fraise, place.environment) is place
        json.dumps(redacted_configuration(place.options))
        unresolved = refusal(partial(place.resolved, {}, Redactor()))
        assert unresolved is None or str(unresolved).isprintable()
    wrong = refusal(lambda: load_config(path, lambda _: HealthCheck))
    assert wrong is None or all(problem.isprintable() for problem in wrong.problems)
    return bool(config.places)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60) | st.text("ab:-#{}[],\"'&*!|>?%@`<~ \n\t$", max_size=40))
@example("? ")
@example("- - - ? a")
@example("!!python/object:os.system {}")
@example('a: "\\ud800"')
@example("%TAG ! tag:x\n--- !a b")
def test_any_text_is_read_or_refused(path: Path, text: str) -> None:
    check(path, text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
@example("fraises: {}".encode("utf-16"))
@example("fraises: {}".encode("utf-32"))
def test_any_bytes_are_read_or_refused(path: Path, data: bytes) -> None:
    check(path, data)


KNOWN = ["fraises", "state", "providers", "provider", "config", "health_check", "fallback", "type", "description"]
KNOWN += [
    "environments",
    "app_path",
    "systemd_service",
    "url",
    "tcp",
    "command",
    "timeout",
    "database",
    "x-a",
    "<<",
]
# A command would be run.
texts = st.one_of(
    st.sampled_from(
        ["a", "${A}", "${A:-b}", "$${A}", "${", "${file:x}", "http://x/", "a:1", "local", "a\nb", "~", ""]
    ),
    st.text(string.printable, max_size=8).filter(lambda text: "cmd" not in text),
    st.text(max_size=4).filter(lambda text: not any(0xD800 <= ord(each) < 0xE000 for each in text)),
)
scalars = st.one_of(texts, st.integers(), st.floats(), st.booleans(), st.none())
keys = st.sampled_from(KNOWN) | texts
odd_keys = st.one_of(keys, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
structures = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(odd_keys, below, max_size=4),
    max_leaves=25,
)


def mostly(good: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what is right, and now and then something else: few files with ten coin tosses in them are right."""
    return st.integers(0, 15).flatmap(lambda number: other if number == 11 else good)


names = mostly(st.sampled_from(["a", "b", "my_api"]), texts)
checks = st.sampled_from([{"url": "http://x/"}, {"tcp": "a:1", "timeout": 3}, {"command": "${A:-true}"}])


def near(other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mappings that are nearly a configuration, in which anything may be wrong."""
    common = {
        "config": mostly(st.dictionaries(keys, other, max_size=3), other),
        "health_check": mostly(checks, other),
    }
    provider = {"provider": mostly(st.just("local"), other)}
    fallback: st.SearchStrategy[Any] = st.fixed_dictionaries(provider, optional=common)
    target = st.fixed_dictionaries(provider, optional={**common, "fallback": mostly(fallback, other)})
    fraise: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {"providers": st.dictionaries(names, mostly(target, other), min_size=1, max_size=2)},
        optional={"type": mostly(st.just("api"), other)},
    )
    older = st.fixed_dictionaries({"environments": st.dictionaries(names, structures, max_size=2)})
    return st.fixed_dictionaries(
        {"fraises": st.dictionaries(names, mostly(fraise, older | other), max_size=2)},
        optional={"state": mostly(st.just({"database": "x"}), other), "x-a": other},
    )


@settings(max_examples=300, deadline=None)
@given(structures | near(structures), st.booleans())
def test_any_structure_is_read_or_refused(path: Path, value: Any, flow: bool) -> None:
    check(path, yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True).encode())


def test_the_structures_hold_some_that_can_be_read(path: Path) -> None:
    seen: set[bool] = set()

    @settings(max_examples=300, deadline=None, database=None)
    @given(near(scalars))
    def collect(value: Any) -> None:
        seen.add(check(path, yaml.safe_dump(value).encode()))

    collect()
    assert seen == {True, False}
