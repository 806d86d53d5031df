"""A certificate for 127.0.0.1 by an authority of its own, made with openssl."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_EXTENSIONS = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
_DAYS = "2"


class Certificate:
    """Makes `ca.pem`, which clients are to trust, and what the server needs, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "ca.pem"
        self._folder = folder
        (folder / "extensions").write_text(_EXTENSIONS, encoding="utf-8")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        authority = [
            "-x509",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-days",
            _DAYS,
            "-subj",
            "/CN=stand-in CA",
        ]
        self._openssl("req", *key, *authority, "-keyout", "ca.key", "-out", "ca.pem")
        self._openssl("req", *key, "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", _DAYS, "-extfile", "extensions"]
        self._openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")

    def context(self) -> ssl.SSLContext:
        """Return what a server is to be wrapped in."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.pem", self._folder / "server.key")
        return context

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True, timeout=60)
