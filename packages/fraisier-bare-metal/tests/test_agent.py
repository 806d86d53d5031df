"""What runs on a host for the time of a session: it works through orders, and cleans up without the client."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fraisier_bare_metal.script import agent, composed, order

AGENT = (files("fraisier_bare_metal") / "scripts" / "agent.sh").read_text(encoding="utf-8")
SHELLS = [name for name in ("sh", "bash", "zsh", "fish", "tcsh", "ksh", "mksh") if shutil.which(name)]


def encoded(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def eventually(what: Callable[[], Any], timeout: float = 10.0) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Client:
    """The agent under a shell, with a pipe in place of an SSH channel."""

    def __init__(self, shell: str) -> None:
        self.process = subprocess.Popen(
            [shell, "-c", f"mark=@@test\nprelude='greeting=hello'\n{AGENT}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

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


@pytest.fixture(params=["/bin/sh", "/bin/bash"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[[], Client]]:
    started: list[Client] = []

    def one() -> Client:
        started.append(Client(request.param))
        return started[-1]

    yield one
    for each in started:
        if not each.ended():
            each.process.kill()
        with each.process:
            pass


@pytest.mark.parametrize("shell", SHELLS)
def test_whichever_shell_the_user_of_the_host_has_the_agent_starts_with_its_first_order(shell: str) -> None:
    values = {"mark": "@@test", "app_path": "/srv", "show": "echo", "unit": "é\t!$x`'\\.service"}
    words = ("finish", "1", composed("unit", values), "true")
    for command, asked in ((agent("@@test", *words), b""), (agent("@@test"), order(*words))):
        done = subprocess.run([shell, "-c", command], input=asked, capture_output=True, timeout=30, check=False)
        assert done.stderr == b""
        assert f"@@test take unit\nshow {values['unit']} -p LoadState".encode() in done.stdout
        assert b"@@test end 1 0\n" in done.stdout


def test_it_tells_the_output_of_a_script_and_how_it_ended(start: Callable[[], Client]) -> None:
    client = start()
    client.send("run", "1", encoded("echo out; echo err >&2; printf part; exit 3"))
    assert client.heard("1") == (["out", "err", "part"], 3)
    client.send("run", "2", encoded("echo again"))
    assert client.heard("2") == (["again", ""], 0)


def test_a_script_arrives_as_it_was_sent(start: Callable[[], Client]) -> None:
    client = start()
    text = "  tab\t, 'new\nline', \\n, \\\\ and \\c, %s %b, ü € 🍓  "
    client.send("run", "1", encoded(f"printf '%s|' {shlex.quote(text)}"))
    assert client.heard("1") == (f"{text}|".split("\n"), 0)


def test_what_every_script_begins_with_is_sent_once(start: Callable[[], Client]) -> None:
    client = start()
    for number in ("1", "2"):
        client.send("run", number, encoded('eval "$fraisier_prelude"; echo "$greeting"'))
        assert client.heard(number) == (["hello", ""], 0)


def test_a_script_reads_no_orders(start: Callable[[], Client]) -> None:
    client = start()
    client.send("run", "1", encoded("{ cat; } </dev/null; echo done"))
    assert client.heard("1") == (["done", ""], 0)
    client.send("bye")
    eventually(client.ended)


def test_a_script_that_was_stopped_ends_with_all_that_it_started(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    client.send("run", "1", encoded(f"sleep 600 & echo $! >{tmp_path}/pid; trap '' TERM; sleep 600"))
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    client.send("stop", "1")
    assert client.heard("1")[1] != 0
    eventually(lambda: not alive(pid))


def test_a_client_that_is_gone_leaves_nothing_running(start: Callable[[], Client], tmp_path: Path) -> None:
    client = start()
    client.send("run", "1", encoded(f"sleep 600 & echo $! >{tmp_path}/pid; sleep 600"))
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    client.vanish()
    eventually(client.ended)
    assert not alive(pid)


def test_one_of_two_clients_has_the_lock_and_the_other_is_told_who(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/deep/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"))
    assert first.heard("1") == ([""], 0)
    second.send("lock", "1", lock, encoded("bob@ci for d-2"))
    assert second.heard("1") == (["", "@@test data holder alice@laptop for d-1", ""], 75)
    first.vanish()
    eventually(first.ended)
    third = start()
    third.send("lock", "1", lock, encoded("bob@ci for d-2"))
    assert third.heard("1")[1] == 0


def test_nothing_is_done_without_the_lock(start: Callable[[], Client], tmp_path: Path) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"))
    first.heard("1")
    second.send("lock", "1", lock, encoded("bob@ci for d-2"))
    second.send("run", "2", encoded(f": >{tmp_path}/done"))
    assert second.heard("1")[1] == 75
    second.vanish()
    eventually(second.ended)
    assert not (tmp_path / "done").exists()


def test_the_lock_is_free_at_once_when_its_holder_was_killed_in_the_middle_of_a_script(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"))
    first.send("run", "2", encoded(f"echo begun >{tmp_path}/begun; sleep 600"))
    eventually((tmp_path / "begun").exists)
    first.vanish()
    eventually(first.ended)
    second.send("lock", "1", lock, encoded("bob@ci for d-2"))
    assert second.heard("1")[1] == 0


def test_what_a_cut_connection_left_behind_does_not_keep_its_own_deployment_out(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"))
    first.heard("1")
    second.send("lock", "1", lock, encoded("alice@laptop for d-1"))
    first.vanish()
    assert second.heard("1")[1] == 0


def test_a_lock_that_cannot_be_written_is_told(start: Callable[[], Client], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in ("file/lock", "folder"):
        client = start()
        client.send("lock", "1", encoded(f"{tmp_path}/{path}"), encoded("alice for d-1"))
        assert client.heard("1")[1] == 77


def test_what_must_not_stop_halfway_goes_on_without_the_client(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    client.send(
        "finish", "1", encoded(f"sleep 0.3; echo done >{tmp_path}/done"), encoded(f"echo >{tmp_path}/undone")
    )
    client.vanish()
    eventually(client.ended)
    assert (tmp_path / "done").exists()
    assert not (tmp_path / "undone").exists()


def test_what_failed_with_nobody_there_to_hear_of_it_is_undone(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    client.send("finish", "1", encoded("sleep 0.3; exit 1"), encoded(f"echo >{tmp_path}/undone"))
    client.vanish()
    eventually(client.ended)
    assert (tmp_path / "undone").exists()


def test_what_failed_is_left_to_a_client_that_heard_of_it(start: Callable[[], Client], tmp_path: Path) -> None:
    client = start()
    client.send("finish", "1", encoded("exit 1"), encoded(f"echo >{tmp_path}/undone"))
    assert client.heard("1")[1] == 1
    client.send("bye")
    client.vanish()
    eventually(client.ended)
    assert not (tmp_path / "undone").exists()


def test_a_client_without_a_sign_of_life_loses_the_lock(start: Callable[[], Client], tmp_path: Path) -> None:
    # The watcher itself looks every 20 seconds; what it does then is what is tried here.
    client = start()
    client.send("lock", "1", encoded(f"{tmp_path}/lock"), encoded("alice for d-1"))
    client.heard("1")
    client.send("run", "2", encoded("sleep 600"))
    os.kill(client.process.pid, signal.SIGTERM)
    eventually(client.ended)
