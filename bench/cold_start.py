"""What `fraisier --help` costs against a bare Typer app of two commands, in the same environment.

python bench/cold_start.py [RUNS]

The mark is 1.3 times the bare app that is set up for speed as fraisier is (no Rich). The ratio to a bare app with
Typer's own defaults is shown beside it, and those of the commands that people run most.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

BARE = """\
import typer

app = typer.Typer({settings})


@app.command()
def deploy(name: str) -> None:
    "Deploy."


@app.command()
def status(name: str) -> None:
    "Status."


app()
"""
CONFIG = "fraises:\n  api:\n    providers:\n      production:\n        provider: local\n"
MARK = 1.3


def seconds(command: list[str], folder: str) -> float:
    """Return how long a command takes, from start to end."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure all in turn, so that what slows the machine for a while slows them all, and print medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    fraisier = str(Path(sysconfig.get_path("scripts")) / "fraisier")
    with tempfile.TemporaryDirectory() as folder:
        lean, plain = Path(folder, "lean.py"), Path(folder, "plain.py")
        lean.write_text(BARE.format(settings="rich_markup_mode=None, pretty_exceptions_enable=False"))
        plain.write_text(BARE.format(settings=""))
        Path(folder, "fraises.yaml").write_text(CONFIG)
        commands = {
            "a bare app, set up for speed": [sys.executable, str(lean), "--help"],
            "a bare app, Typer's defaults": [sys.executable, str(plain), "--help"],
            "fraisier --help": [fraisier, "--help"],
            "fraisier deploy --help": [fraisier, "deploy", "--help"],
            "fraisier providers": [fraisier, "providers"],
            "fraisier list": [fraisier, "list"],
            "fraisier history": [fraisier, "history"],
        }
        for command in commands.values():
            seconds(command, folder)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                taken[name].append(seconds(command, folder))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    bare = medians["a bare app, set up for speed"]
    for name, median in medians.items():
        print(f"{name:30} {1000 * median:6.0f} ms  {median / bare:5.2f} times the bare app")
    ratio = medians["fraisier --help"] / bare
    print(f"mark: fraisier --help at most {MARK} times the bare app; it is {ratio:.2f}")
    sys.exit(ratio > MARK)


if __name__ == "__main__":
    main()
