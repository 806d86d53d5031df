"""The lock of a host, which the agent holds for its client: who has it, and when it is free."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .agent_client import Client, encoded
from .site import eventually


def test_one_of_two_clients_has_the_lock_and_the_other_is_told_who(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/deep/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    assert first.heard("1") == ([""], 0)
    second.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
    assert second.heard("1") == (["", "@@test data holder alice@laptop for d-1", ""], 75)
    first.vanish()
    eventually(first.ended)
    third = start()
    third.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
    assert third.heard("1")[1] == 0


def test_nothing_is_done_without_the_lock(start: Callable[[], Client], tmp_path: Path) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    first.heard("1")
    second.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
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
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    first.send("run", "2", encoded(f"echo begun >{tmp_path}/begun; sleep 600"))
    eventually((tmp_path / "begun").exists)
    first.vanish()
    eventually(first.ended)
    second.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
    assert second.heard("1")[1] == 0


def test_what_a_cut_connection_left_behind_does_not_keep_its_own_deployment_out(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    first.heard("1")
    second.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    first.vanish()
    assert second.heard("1")[1] == 0


def test_a_lock_that_cannot_be_written_is_told(start: Callable[[], Client], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in ("file/lock", "folder"):
        client = start()
        client.send("lock", "1", encoded(f"{tmp_path}/{path}"), encoded("alice for d-1"), "90")
        assert client.heard("1")[1] == 77


def test_the_lock_does_not_wait_for_what_undoing_has_only_begun(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    lock = encoded(f"{tmp_path}/lock")
    first, second = start(), start()
    first.send("lock", "1", lock, encoded("alice@laptop for d-1"), "90")
    undo = f"sleep 600 </dev/null >/dev/null 2>&1 & echo $! >{tmp_path}/pid"
    first.send("run", "2", encoded(f"echo >{tmp_path}/begun; sleep 600"), encoded(undo))
    eventually((tmp_path / "begun").exists)
    first.vanish()
    second.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
    assert second.heard("1")[1] == 0
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_what_was_told_to_stop_is_undone_before_the_next_order(
    start: Callable[[], Client], tmp_path: Path
) -> None:
    client = start()
    undone = tmp_path / "undone"
    client.send("run", "1", encoded(f"echo >{tmp_path}/begun; sleep 600"), encoded(f"echo once >>{undone}"))
    eventually((tmp_path / "begun").exists)
    client.send("stop", "1")
    client.send("run", "2", encoded(f"cat {undone}"))
    assert "once" in client.heard("2")[0]
    client.vanish()
    eventually(client.ended)
    assert undone.read_text() == "once\n"


def test_a_client_without_a_sign_of_life_loses_the_lock(start: Callable[..., Client], tmp_path: Path) -> None:
    client, lock = start(watch=0.5), encoded(f"{tmp_path}/lock")
    client.send("lock", "1", lock, encoded("alice for d-1"), "90")
    client.send("run", "2", encoded(f"echo $$ >{tmp_path}/pid; sleep 600"))
    eventually(client.ended)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
    second = start()
    second.send("lock", "1", lock, encoded("bob@ci for d-2"), "90")
    assert second.heard("1")[1] == 0


def test_a_client_keeps_the_lock_for_as_long_as_it_gives_signs_of_life(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    client = start(watch=0.3)
    client.send("lock", "1", encoded(f"{tmp_path}/lock"), encoded("alice for d-1"), "90")
    client.heard("1")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        time.sleep(0.1)
        client.send("alive")
    assert not client.ended()
    eventually(client.ended)


def test_a_client_is_not_given_up_while_what_it_has_stopped_is_undone(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    client = start(watch=1)
    client.send("lock", "1", encoded(f"{tmp_path}/lock"), encoded("alice for d-1"), "90")
    client.send("run", "2", encoded(f"echo >{tmp_path}/begun; sleep 600"), encoded("sleep 5"))
    eventually((tmp_path / "begun").exists)
    client.send("stop", "2")
    # They wait for the agent, and come when it has only just begun to watch again.
    for _ in range(3):
        client.send("alive")
    client.send("run", "3", encoded("echo still here"))
    assert "still here" in client.heard("3")[0]
    eventually(client.ended)
