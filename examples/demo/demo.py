"""Deploys a real service, upgrades it, breaks it, lets fraisier roll it back, and leaves nothing behind.

Everything happens in a temporary folder: a git repository with three versions of `greeter.py`, of which the
third one cannot start, and a `fraises.yaml` that deploys it to this machine.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

CONFIG = """\
fraises:
  greeter:
    type: web
    providers:
      demo:
        provider: local
        config:
          git_repo: greeter
          branch: main
          app_path: srv/greeter
          command: exec {python} greeter.py {port}
        health_check:
          url: http://127.0.0.1:{port}/
          timeout: 10
          expect_body: "hello from {{version}}"
"""
FRAISIER = str(Path(sysconfig.get_path("scripts")) / "fraisier")


class Demo:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.repository = folder / "greeter"

    def prepare(self) -> None:
        """Make a repository with v1, v2 and a broken v3, and the fraises.yaml."""
        self.repository.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "demo")
        self.git("config", "user.email", "demo@localhost")
        self.git("config", "commit.gpgsign", "false")
        self.git("config", "tag.gpgsign", "false")
        source = Path(__file__).with_name("greeter.py").read_text(encoding="utf-8")
        broken = source.replace("import os\n", "import os\nimport a_module_that_is_not_there\n")
        for version, text in (("v1", source), ("v2", source + "\n# faster\n"), ("v3", broken)):
            (self.repository / "greeter.py").write_text(text, encoding="utf-8")
            self.git("add", ".")
            self.git("commit", "--quiet", "-m", f"Release {version}")
            self.git("tag", version)
        config = CONFIG.format(python=shlex.quote(sys.executable), port=self.port)
        (self.folder / "fraises.yaml").write_text(config, encoding="utf-8")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(self.repository), *arguments], check=True)

    def fraisier(self, *arguments: str, expect: int = 0) -> None:
        """Show a command line and run it, and stop the demo unless it ends with the exit code expected."""
        print(f"\n$ fraisier {shlex.join(arguments)}", flush=True)
        code = subprocess.run([FRAISIER, *arguments], cwd=self.folder, check=False).returncode
        if code != 0 or expect != 0:
            print(f"(exit code {code})", flush=True)
        if code != expect:
            sys.exit(f"the demo expected exit code {expect}")

    def ask(self, want: str) -> None:
        """Ask the service itself which version answers."""
        print(f"\n$ curl http://127.0.0.1:{self.port}/", flush=True)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            said = answer.read().decode().strip()
        print(said, flush=True)
        if said != want:
            sys.exit(f"the demo expected: {want}")

    def run(self) -> None:
        """Walk through a service's life."""
        self.fraisier("deploy", "greeter", "demo", "--version", "v1")
        self.ask("hello from v1")
        self.fraisier("deploy", "greeter", "demo", "--version", "v2")
        self.ask("hello from v2")
        print("\n# v3 is broken: fraisier goes back to v2 by itself and shows why", flush=True)
        self.fraisier("deploy", "greeter", "demo", "--version", "v3", expect=8)
        self.ask("hello from v2")
        self.fraisier("status", "greeter", "demo")
        self.fraisier("health", "greeter", "demo")
        self.fraisier("logs", "greeter", "demo", "-n", "5")
        self.fraisier("rollback", "greeter", "demo")
        self.ask("hello from v1")
        self.fraisier("history")

    def clean_up(self) -> None:
        """End the service; the folder goes with the `with` block of `main`."""
        told = subprocess.run(
            [FRAISIER, "status", "greeter", "demo", "--json"], cwd=self.folder, capture_output=True, check=False
        )
        with suppress(ValueError, KeyError, IndexError, ProcessLookupError, TypeError):
            pid = json.loads(told.stdout)[0]["details"]["pid"]
            os.killpg(pid, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while answers(self.port) and time.monotonic() < deadline:
                time.sleep(0.05)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Tell whether something listens on a port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run the demo and clean up, however it ends."""
    # A user's own settings must not lead the demo to another file or another history.
    for name in ("FRAISIER_CONFIG", "FRAISIER_DATABASE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="fraisier-demo-") as folder:
        demo = Demo(Path(folder))
        demo.prepare()
        try:
            demo.run()
        finally:
            demo.clean_up()
    print("\nThe service is stopped and its folder is gone.")


if __name__ == "__main__":
    main()
