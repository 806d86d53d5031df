"""What runs on a host for the time of a session: it works through orders, and cleans up without the client."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier_bare_metal.script import agent, composed, order

from .agent_client import Client, encoded
from .site import eventually

SHELLS = [name for name in ("sh", "bash", "zsh", "fish", "tcsh", "ksh", "mksh") if shutil.which(name)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("shell", SHELLS)
def test_whichever_shell_the_user_of_the_host_has_the_agent_starts_with_its_first_order(shell: str) -> None:
    values = dict.fromkeys(("mirror", "layout", "systemctl", "journalctl", "restart", "seen"), "")
    values |= {"mark": "@@test", "app_path": "/srv", "show": "echo", "unit": "é\t!$x`'\\.service"}
    words = ("run", "1", composed("unit", values), "true")
    for command, asked in ((agent("@@test", *words), b""), (agent("@@test"), order(*words))):
        pipe = subprocess.PIPE
        with subprocess.Popen([shell, "-c", command], stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(asked)
            process.stdin.flush()
            said = b"".join(iter(process.stdout.readline, b"@@test end 1 0\n"))
            process.stdin.close()
            assert process.stderr.read() == b""
        assert f"@@test take unit\nshow {values['unit']} -p LoadState".encode() in said


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


@pytest.mark.parametrize("program", ["sleep 600", "timeout 600 sleep 600", "timeout 600 sh -c 'sleep 600; :'"])
def test_a_client_that_is_gone_leaves_nothing_running(
    start: Callable[[], Client], tmp_path: Path, program: str
) -> None:
    client = start()
    # `timeout` makes a group of its own.
    client.send("run", "1", encoded(f"{program} & echo $! >{tmp_path}/pid; timeout 500 sleep 500"))
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    client.vanish()
    eventually(client.ended)
    assert not alive(pid)


@pytest.mark.parametrize("how", ["vanish", "stop"])
def test_what_is_ended_while_it_begins_does_not_run_on(
    start: Callable[[], Client], tmp_path: Path, how: str
) -> None:
    ran = tmp_path / "ran"
    ran.mkdir()
    clients = [start() for _ in range(8)]
    for number, client in enumerate(clients):
        # A long script, which takes a moment to be read and to begin.
        client.send("run", "1", encoded(f": {'x' * 9000}; sleep 4; echo >{ran}/{number}"))
        client.send("stop", "1") if how == "stop" else client.vanish()
    started = time.monotonic()
    for client in clients:
        client.vanish()
        eventually(client.ended)
    assert (list(ran.iterdir()), time.monotonic() - started < 4) == ([], True)


def test_what_must_not_stop_halfway_is_undone_when_the_client_is_gone(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    begun, done, undone = tmp_path / "begun", tmp_path / "done", tmp_path / "undone"
    client.send("run", "1", encoded(f"echo >{begun}; sleep 600; echo >{done}"), encoded(f"echo >{undone}"))
    eventually(begun.exists)
    client.vanish()
    eventually(client.ended)
    assert undone.exists()
    assert not done.exists()


def test_what_failed_with_nobody_there_to_hear_of_it_is_undone(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    client.send("run", "1", encoded("exit 1"), encoded(f"echo >{tmp_path}/undone"))
    client.vanish()
    eventually(client.ended)
    assert (tmp_path / "undone").exists()


def test_what_came_to_its_end_is_not_undone(start: Callable[[], Client], tmp_path: Path) -> None:
    client = start()
    client.send("run", "1", encoded("true"), encoded(f"echo >{tmp_path}/undone"))
    assert client.heard("1")[1] == 0
    client.vanish()
    eventually(client.ended)
    assert not (tmp_path / "undone").exists()


def test_what_failed_is_left_to_a_client_that_heard_of_it(start: Callable[[], Client], tmp_path: Path) -> None:
    client = start()
    client.send("run", "1", encoded("exit 1"), encoded(f"echo >{tmp_path}/undone"))
    assert client.heard("1")[1] == 1
    client.send("bye")
    client.vanish()
    eventually(client.ended)
    assert not (tmp_path / "undone").exists()


def test_a_note_after_a_line_that_was_cut_short_stays_readable(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_text('{"event":')
    client = start()
    client.send("note", "1", encoded(str(ledger)), encoded("{}"))
    client.send("bye")
    client.vanish()
    eventually(client.ended)
    assert ledger.read_text() == '{"event":\n{}\n'


def test_a_note_is_written_before_the_client_says_goodbye(start: Callable[[], Client], tmp_path: Path) -> None:
    client = start()
    line = '{"version":"a \\ "b"\t%s"}'
    client.send("note", "1", encoded(f"{tmp_path}/ledger of mine"), encoded(line))
    client.send("bye")
    client.vanish()
    eventually(client.ended)
    assert (tmp_path / "ledger of mine").read_text() == f"{line}\n"
