"""Installs every wheel of `dist/` together into a clean virtual environment, and works there.

hatch build --all && python tests/wheels.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def main() -> None:
    """Install, and run the main job with what was installed."""
    wheels = sorted(DIST.glob("*.whl"))
    members = len([*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("examples/*/pyproject.toml")])
    if len(wheels) != members:
        sys.exit(f"expected a wheel of each of the {members} packages in {DIST}; run: hatch build --all")
    with tempfile.TemporaryDirectory(prefix="fraisier-wheels-") as folder:
        work = Path(folder)
        scripts = install(work / "venv", wheels)
        providers = json.loads(said([scripts / "fraisier", "providers", "--check", "--json"], work))
        print(
            "providers:",
            ", ".join(f"{each['name']} ({each['distribution']} {each['version']})" for each in providers),
        )
        if len(providers) != members - 1:
            sys.exit(f"{members - 1} packages should each offer a provider")
        for each in providers:
            (work / each["name"]).mkdir()
            said([scripts / "fraisier", "init", "--provider", each["name"]], work / each["name"])
        # The demo uses the `fraisier` beside the Python that runs it, which is the one of the wheels.
        run([scripts / "python", ROOT / "examples" / "demo" / "demo.py"], work)
    print("the wheels install together and work")


def install(folder: Path, wheels: list[Path]) -> Path:
    """Install wheels into a clean environment, and return the folder of its programs."""
    venv.create(folder, with_pip=True)
    scripts = folder / "bin"
    run([scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wheels], ROOT)
    run([scripts / "python", "-m", "pip", "check"], ROOT)
    return scripts


def run(command: list[str | Path], folder: Path) -> None:
    """Run a command, with nothing of this environment's Python, and stop if it fails."""
    print("$", *command, flush=True)
    subprocess.run(command, cwd=folder, env=environment(), check=True)


def said(command: list[str | Path], folder: Path) -> str:
    """Run a command like `run`, and return what it prints."""
    return subprocess.run(
        command, cwd=folder, env=environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def environment() -> dict[str, str]:
    """Return our environment without what would let another Python's packages in."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    }


if __name__ == "__main__":
    main()
