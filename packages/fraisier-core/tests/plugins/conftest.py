"""Hand-made distributions on disk, on a `sys.path` on which nothing else is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fraisier import Release, Session, Target
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.progress import RecordedProgress
from fraisier.engine.providers.provider import Provider

PRELUDE = """\
from fraisier import *
from fraisier import hookimpl
"""
HOOKS = {
    "pre_flight": "def pre_flight(target): return [Check(name='disk', passed=True, detail='ok')]",
    "deploy": "def deploy(target, release, progress): return Deployed(version='v1', revision='r1')",
    "status": "def status(target): return Status(state='running', release=Release(version='v1', revision='r1'))",
    "rollback": "def rollback(target, release, progress): return Deployed(version='v0', revision='r0')",
    "health": "def health(target): return Health(healthy=True, detail='got 200')",
    "logs": "def logs(target, lines, follow): return ['one', 'two'][:lines]",
}
"""A provider that keeps to the contract."""


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Import from nothing but the standard library and what a test offers; forget it all afterwards."""
    bare = [entry for entry in sys.path if not entry.endswith(("site-packages", "dist-packages"))]
    monkeypatch.setattr(sys, "path", bare)
    yield bare
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def offer(path: list[str], tmp_path: Path) -> Callable[..., Path]:
    """Install a distribution that offers a provider, good but for the hooks that are given (None: left out)."""

    def install(
        name: str = "demo",
        *,
        distribution: str = "acme-demo",
        version: str = "1.2.3",
        group: str = "fraisier.providers",
        entry: str = "",
        text: str | None = None,
        before: str = "",
        after: str = "",
        **hooks: str | None,
    ) -> Path:
        site = tmp_path / f"site-{len(path)}"
        module = distribution.replace("-", "_")
        information = site / f"{module}-{version}.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        line = f"[{group}]\n{name} = {entry or module}\n"
        (information / "entry_points.txt").write_text(line, encoding="utf-8")
        decorated = [
            definition if definition.startswith(("@", "#")) else f"@hookimpl\n{definition}"
            for definition in (HOOKS | hooks).values()
            if definition is not None
        ]
        source = "\n\n".join([PRELUDE + before, *decorated, after]) if text is None else text
        (site / f"{module}.py").write_text(source + "\n", encoding="utf-8")
        path.append(str(site))
        return site

    return install


@pytest.fixture
def plug(offer: Callable[..., Path]) -> Callable[..., Path]:
    """Install a distribution that offers a plugin, with this text after its imports."""

    def install(text: str, name: str = "timer", **more: Any) -> Path:
        usual = {"distribution": f"acme-{name}", "version": "0.9", "group": "fraisier.plugins"}
        return offer(name, text=PRELUDE + text, **(usual | more))

    return install


@pytest.fixture
def warnings() -> list[str]:
    """What the loading and calling of providers warned of."""
    return []


@pytest.fixture
def redactor() -> Redactor:
    """Knows one secret, `s3cret`."""
    redactor = Redactor()
    redactor.add("s3cret")
    return redactor


@pytest.fixture
def load(path: list[str], warnings: list[str], redactor: Redactor) -> Callable[..., Provider]:
    """Load a provider by its name."""

    def load_it(name: str = "demo") -> Provider:
        return Provider.load(name, redactor, warnings.append)

    return load_it


class Silence:
    """A display that shows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.fixture
def call(redactor: Redactor, tmp_path: Path) -> Callable[..., Any]:
    """Call a hook of a provider with arguments that suit it; logs are read to their end."""
    target = Target(
        fraise="my_api", environment="production", provider="demo", options={}, folder=tmp_path, session=Session()
    )
    progress = RecordedProgress(Silence(), redactor, lambda _: None)
    release = Release(version="v1")

    def call_it(provider: Provider, hook: str) -> Any:
        if hook in ("deploy", "rollback"):
            return getattr(provider, hook)(target, release, progress)
        if hook == "logs":
            return list(provider.logs(target, 10, False))
        return getattr(provider, hook)(target)

    return call_it
