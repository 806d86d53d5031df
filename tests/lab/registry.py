"""An image registry on this machine's loopback, behind a relay that can be cut, stalled, slowed and closed."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from lab.folder import LabError
from lab.ports import free_port
from lab.relay import Relay
from lab.services import Image

DOCKER = "application/vnd.docker"
MANIFEST = f"{DOCKER}.distribution.manifest.v2+json"
MANIFEST_LIST = f"{DOCKER}.distribution.manifest.list.v2+json"
CONFIG = f"{DOCKER}.container.image.v1+json"
LAYER = f"{DOCKER}.image.rootfs.diff.tar.gzip"
SETTINGS = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
AUTH = "auth: {{htpasswd: {{realm: lab, path: {path}}}}}\n"


@dataclass(frozen=True)
class Login:
    """Who may use a registry, and the line of its htpasswd file (bcrypt)."""

    user: str
    password: str
    line: str


LOGIN = Login(
    "alice",
    "pa55-of-the-registry",
    "alice:$2b$04$n1HucyH1QQ456SxH1u2KXOaOQpuUao4GyYLAscoXaSbx.6Ir0Xg5m",
)


class Registry:
    """A registry that runs; what it holds stays while it is stopped.

    Engines pull from `address`, through `relay`; pushing takes the short way, and needs no engine.
    """

    def __init__(self, program: Path, folder: Path, login: Login | None = None) -> None:
        self.folder = folder
        self.login = login
        self._program = program
        self._port = free_port()
        self.relay = Relay(self._port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where engines pull: `127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.relay.port}"

    def repository(self, name: str) -> str:
        """Return what stands before the tag or digest in the name of an image."""
        return f"{self.address}/{name}"

    def push(self, name: str, tag: str, image: Image, *, in_list: bool = False) -> str:
        """Put an image under a tag, which is moved if need be, and return the digest: of a list, if asked for."""
        config = self._blob(name, image.config)
        layers = [self._blob(name, layer) for layer in image.layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": LAYER, **layer} for layer in layers],
        }
        if not in_list:
            return self._manifest(name, tag, manifest)
        data = _encoded(manifest)
        digest = self._manifest(name, f"one-of-{tag}", manifest)
        platform = {"os": "linux", "architecture": image.architecture}
        only = {"mediaType": MANIFEST, "digest": digest, "size": len(data), "platform": platform}
        return self._manifest(name, tag, {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [only]})

    def delete(self, name: str, digest: str) -> None:
        """Forget an image, with all its tags."""
        self._ask("DELETE", f"/v2/{name}/manifests/{digest}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        settings = self.folder / "config.yml"
        text = SETTINGS.format(storage=self.folder / "storage", port=self._port)
        if self.login:
            passwords = self.folder / "htpasswd"
            passwords.write_text(f"{self.login.line}\n")
            text += AUTH.format(path=passwords)
        settings.write_text(text)
        # However we end, it is killed.
        command = ["setpriv", "--pdeathsig", "KILL", str(self._program), "serve", str(settings)]
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"the registry did not start:\n{(self.folder / 'log').read_text()[-1000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; connections to its address are reset."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have it stopped while in here."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _blob(self, name: str, data: bytes) -> dict[str, object]:
        """Put some data, unless they are there; return their digest and size."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if not self._has(f"/v2/{name}/blobs/{digest}"):
            where = self._ask("POST", f"/v2/{name}/blobs/uploads/")["Location"]
            self._ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", data)
        return {"digest": digest, "size": len(data)}

    def _manifest(self, name: str, tag: str, manifest: dict[str, object]) -> str:
        data = _encoded(manifest)
        self._ask("PUT", f"/v2/{name}/manifests/{tag}", data, str(manifest["mediaType"]))
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def _has(self, path: str) -> bool:
        try:
            self._ask("HEAD", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def _answers(self) -> bool:
        try:
            self._ask("GET", "/v2/")
        except OSError:
            return False
        return True

    def _ask(
        self, method: str, path: str, data: bytes | None = None, kind: str = "application/octet-stream"
    ) -> Message:
        url = path if path.startswith("http://") else f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
        if self.login:
            named = base64.b64encode(f"{self.login.user}:{self.login.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {named}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            headers: Message = answer.headers
        return headers


@contextmanager
def registry(program: Path, folder: Path, login: Login | None = None) -> Iterator[Registry]:
    """Give an empty registry, which asks for a login if one is given; it ends with us."""
    made = Registry(program, folder, login)
    with made.relay:
        try:
            made.start()
            yield made
        finally:
            made.stop()


def _encoded(manifest: dict[str, object]) -> bytes:
    return json.dumps(manifest, indent=1).encode()
