"""The reference of the hooks and the guide for authors: nothing is left out, and their code works."""

from __future__ import annotations

import importlib.util
import inspect
import os
import select
import shutil
import socket
import subprocess
import sysconfig
import threading
import tomllib
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fraisier
import msgspec
import pytest
from fraisier import HealthCheck, Session, Target
from fraisier.contract.hookspecs import LifecycleHooks, ProviderHooks
from fraisier.testing import Case, ProviderContract

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs" / "hooks.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "writing-a-provider.md").read_text("utf-8")
SNIPPETS = ROOT / "docs" / "snippets"
PUBLIC = {name: getattr(fraisier, name) for name in fraisier.__all__}
MODELS = [each for each in PUBLIC.values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
SPECS = [(specs, name) for specs in (ProviderHooks, LifecycleHooks) for name in vars(specs) if name[0] != "_"]


def below(page: str, heading: str) -> str:
    """Return what stands below a heading, to the next one."""
    return page.partition(f"\n### `{heading}`\n")[2].partition("\n### ")[0].partition("\n## ")[0]


@pytest.mark.parametrize(("specs", "name"), SPECS)
def test_the_reference_has_every_hook_with_its_signature_and_contract(specs: type, name: str) -> None:
    said, hook = below(REFERENCE, name), getattr(specs, name)
    signature = str(inspect.signature(hook)).replace("self, ", "").replace("'", "")
    assert f"def {name}{signature}:\n" in said
    assert [line for line in (inspect.getdoc(hook) or "").splitlines() if line not in said] == []


@pytest.mark.parametrize("model", [each for each in MODELS if each.__struct_fields__])
def test_the_reference_has_every_field_of_every_model(model: type[msgspec.Struct]) -> None:
    rows = [line for line in below(REFERENCE, model.__name__).splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(model.__struct_fields__)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_pages_name_whatever_import_fraisier_offers(name: str) -> None:
    assert any(f"{before}{name}" in REFERENCE + GUIDE for before in ("`", "`@", "`fraisier."))


def test_the_guide_shows_each_hook_of_the_example_as_it_is() -> None:
    source = (ROOT / "examples/fraisier-example/src/fraisier_example/hooks.py").read_text("utf-8")
    hooks = ["@hookimpl" + each.partition("\n\n\n")[0] for each in source.split("@hookimpl")[1:]]
    assert len(hooks) == 6
    assert [hook for hook in hooks if hook not in GUIDE] == []


def test_the_guide_tells_all_that_the_kit_asks_and_wants_to_know() -> None:
    tests = [name.removeprefix("test_") for name in vars(ProviderContract) if name.startswith("test_")]
    said = GUIDE.replace("`pre_flight`", "pre flight")
    assert [name for name in tests if f"\n- {name.replace('_', ' ')}\n" not in said] == []
    assert [name for name in Case.__struct_fields__ if f"\n| `{name}` |" not in GUIDE] == []
    assert hasattr(ProviderContract, GUIDE.partition('unsupported = {"')[2].partition('"')[0])


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A project that publishes with the example's provider, and a place to install the reference's plugin in."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").write_text("the handbook")
    shutil.make_archive(str(tmp_path / "build" / "v1"), "zip", tmp_path / "pages")
    target = "{provider: static_site, config: {source: build, path: site}}"
    (tmp_path / "fraises.yaml").write_text(f"fraises: {{handbook: {{providers: {{production: {target}}}}}}}")
    return tmp_path


def deploy_with_the_plugin(folder: Path, friday: int) -> subprocess.CompletedProcess[str]:
    """Deploy v1 where Friday is a day of our choice."""
    information = folder / "installed" / "deploy_times-1.0.dist-info"
    information.mkdir(parents=True)
    toml = tomllib.loads(REFERENCE.partition("```toml\n")[2].partition("```")[0])
    ((group, entries),) = toml["project"]["entry-points"].items()
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (information / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: deploy-times\nVersion: 1.0\n")
    source = (SNIPPETS / "deploy_times.py").read_text("utf-8")
    (folder / "installed" / "deploy_times.py").write_text(source.replace("FRIDAY = 4", f"FRIDAY = {friday}"))
    program = str(Path(sysconfig.get_path("scripts")) / "fraisier")
    command = [program, "deploy", "handbook", "production", "--version", "v1"]
    environ = {**os.environ, "PYTHONPATH": str(folder / "installed")}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_plugin_of_the_reference_takes_the_time_and_hears_of_the_end(handbook: Path) -> None:
    done = deploy_with_the_plugin(handbook, friday=(date.today().weekday() + 3) % 7)
    assert done.returncode == 0, done.stderr
    assert "  | handbook:production took 0." in done.stderr
    assert "handbook:production:1 v1 success by " in (handbook / "deployments.log").read_text()


def test_the_plugin_of_the_reference_keeps_deployments_from_fridays(handbook: Path) -> None:
    today = date.today().weekday()
    done = deploy_with_the_plugin(handbook, friday=today)
    assert done.returncode == 5
    assert "handbook:production is not deployed on Fridays; come back on Monday" in done.stderr
    assert not (handbook / "site").exists()


class Proxy(BaseHTTPRequestHandler):
    """Opens tunnels, one byte stream each, as an HTTP proxy does."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        try:
            there = socket.create_connection((host, int(port)), timeout=5)
        except OSError:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        with there:
            ends = {self.connection: there, there: self.connection}
            while ready := select.select(list(ends), [], [], 5)[0]:
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"it works")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[str]:
    """A proxy that also answers by itself, in the place of a service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join(timeout=5)
    server.server_close()


@pytest.fixture(scope="module")
def connections() -> Any:
    """The module of the guide's connections."""
    spec = importlib.util.spec_from_file_location("connections", SNIPPETS / "connections.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def target(proxy: str, url: str) -> Target:
    return Target(
        fraise="my_api",
        environment="production",
        provider="demo",
        options={"server": "api.example.com", "proxy": proxy},
        folder=Path(),
        session=Session(),
        health_check=HealthCheck(url=url, expect_body="it works"),
    )


def test_the_guide_probes_through_a_proxy(connections: Any, proxy: str) -> None:
    found = connections.health(target(proxy, f"http://{proxy}/"))
    assert (found.healthy, found.detail) == (True, f"got 200 from http://{proxy}/")


def test_the_guide_tells_what_the_proxy_does_not_reach(connections: Any, proxy: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = connections.health(target(proxy, f"http://127.0.0.1:{unused.getsockname()[1]}/"))
    assert not found.healthy
    assert "502" in found.detail


def test_the_guide_opens_one_connection_for_an_operation(connections: Any) -> None:
    one, another = target("", "http://127.0.0.1/"), target("", "http://127.0.0.1/")
    assert connections.server(one) is connections.server(one)
    assert connections.server(one) is not connections.server(another)
