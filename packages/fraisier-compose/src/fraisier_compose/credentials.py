"""A login to a registry for as long as one operation: never in a command line, and never on a disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from fraisier_compose.options import Registry

_HUB: Final = ("docker.io", "index.docker.io", "https://index.docker.io/v1/")
_VARIABLE: Final = "FRAISIER_REGISTRY_LOGIN"
# The protocol of docker-credential-helpers: `get` reads the server and answers with JSON. Nothing is kept.
_HELPER: Final = f"""#!/bin/sh
cat >/dev/null
[ "$1" != get ] || printf '%s\\n' "${_VARIABLE}"
"""


class Credentials:
    """A folder of settings for the docker command that has yours, and one more login.

    The password is in the environment of the commands alone, where a credential helper finds it.
    """

    def __init__(self, registry: Registry, environ: Mapping[str, str]) -> None:
        self._folder = Path(mkdtemp(prefix="fraisier-docker-"))
        yours = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        settings = {}
        with suppress(OSError, ValueError):
            settings = json.loads((yours / "config.json").read_text(encoding="utf-8"))
        helpers = settings.get("credHelpers") or {}
        servers = _HUB if registry.server in _HUB else (registry.server,)
        settings["credHelpers"] = helpers | dict.fromkeys(servers, "fraisier")
        (self._folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        with suppress(OSError):
            for each in yours.iterdir():
                if each.name != "config.json":
                    (self._folder / each.name).symlink_to(each.absolute())
        programs = self._folder / "fraisier-bin"
        programs.mkdir()
        helper = programs / "docker-credential-fraisier"
        helper.write_text(_HELPER, encoding="ascii")
        helper.chmod(0o700)
        login = {
            "ServerURL": servers[-1],
            "Username": registry.username,
            "Secret": registry.password.reveal(),
        }
        self.environment = {
            "DOCKER_CONFIG": str(self._folder),
            "PATH": f"{programs}{os.pathsep}{environ.get('PATH', os.defpath)}",
            _VARIABLE: json.dumps(login),
        }
        """What the docker command has to find in its environment."""

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
