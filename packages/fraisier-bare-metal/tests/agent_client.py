"""A client of the agent on this machine, with a pipe in place of an SSH channel."""

from __future__ import annotations

import subprocess
from importlib.resources import files

AGENT = (files("fraisier_bare_metal") / "scripts" / "agent.sh").read_text(encoding="utf-8")


def encoded(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Client:
    """The agent under a shell, with a pipe in place of an SSH channel."""

    def __init__(self, shell: str, watch: float = 20) -> None:
        self.process = subprocess.Popen(
            [shell, "-c", f"mark=@@test\nwatch={watch}\nprelude='greeting=hello'\n{AGENT}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        assert [self.process.stdout.readline() for _ in range(2)] == ["\n", "@@test hello\n"]

    def send(self, *words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()

    def heard(self, number: str) -> tuple[list[str], int]:
        """Return the lines up to the end of an order, and its exit code."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith(f"@@test end {number} "):
                return lines, int(line.split()[-1])
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the agent ended without the end of {number}: {lines}")

    def vanish(self) -> None:
        """Go away as a client does that was killed: its end of the pipe closes."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> bool:
        return self.process.poll() is not None
