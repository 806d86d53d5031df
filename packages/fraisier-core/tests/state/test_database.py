from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fraisier import ConfigError, FraisierError, InternalError
from fraisier.engine.state import migrations as schema
from fraisier.engine.state.database import StateDatabase, database_path, time_text

Act = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.parametrize(
    ("configured", "environ", "expected"),
    [
        (None, {}, "/project/.fraisier/fraisier.db"),
        ("state/here.db", {}, "/project/state/here.db"),
        ("/var/lib/state.db", {}, "/var/lib/state.db"),
        ("state/here.db", {"FRAISIER_DATABASE": "/tmp/ci.db"}, "/tmp/ci.db"),
        (None, {"FRAISIER_DATABASE": ""}, "/project/.fraisier/fraisier.db"),
    ],
)
def test_the_environment_comes_before_the_configuration_and_that_before_the_folder(
    configured: str | None, environ: dict[str, str], expected: str
) -> None:
    assert database_path(Path("/project"), configured, environ) == Path(expected)


def test_a_tilde_means_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    assert database_path(Path("/project"), "~/state.db", {}) == Path("/home/alice/state.db")
    assert database_path(Path("/project"), None, {"FRAISIER_DATABASE": "~/ci.db"}) == Path("/home/alice/ci.db")


def test_the_home_folder_of_nobody_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"^no home folder for the database ~no-such-user/x; write its path"):
        database_path(Path("/project"), "~no-such-user/x", {})


def test_our_own_folder_is_private_and_ignored_by_git(path: Path, database: StateDatabase) -> None:
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_a_folder_that_somebody_chose_gets_no_gitignore(tmp_path: Path) -> None:
    StateDatabase.open(tmp_path / "chosen" / "state.db").close()
    assert sorted(each.name for each in (tmp_path / "chosen").iterdir()) == ["state.db"]


def test_every_table_has_its_three_keys_and_a_view_that_shows_two_of_them(database: StateDatabase) -> None:
    for name in ("fraise_state", "deployment", "provider_config", "deployment_lock"):
        columns = {row["name"]: row for row in database.rows(f"PRAGMA table_info(tb_{name})")}
        assert columns[f"pk_{name}"]["pk"] == 1
        assert columns[f"pk_{name}"]["type"] == "INTEGER"
        assert {"id", "identifier"} < columns.keys()
        shown = {row["name"] for row in database.rows(f"PRAGMA table_info(v_{name})")}
        assert {"id", "identifier"} < shown
        assert not [column for column in shown if column.startswith(("pk_", "fk_"))]


def test_foreign_keys_name_primary_keys_and_are_held(database: StateDatabase) -> None:
    for table in ("tb_fraise_state", "tb_deployment", "tb_provider_config"):
        for key in database.rows(f"PRAGMA foreign_key_list({table})"):
            assert key["from"] == f"fk_{key['table'].removeprefix('tb_')}"
            assert key["to"] == f"pk_{key['table'].removeprefix('tb_')}"
    with pytest.raises(InternalError, match="FOREIGN KEY"):
        database.write(
            "INSERT INTO tb_provider_config (id, identifier, provider_name, provider_type, configuration,"
            " created_at, updated_at, fk_fraise_state) VALUES ('i', 'i', 'n', 't', '{}', '', '', 99)"
        )


def test_the_database_writes_ahead_and_waits_for_others(database: StateDatabase) -> None:
    assert database.rows("PRAGMA journal_mode") == [{"journal_mode": "wal"}]
    assert database.rows("PRAGMA busy_timeout") == [{"timeout": 30000}]
    assert database.rows("PRAGMA foreign_keys") == [{"foreign_keys": 1}]


def test_times_are_utc_and_their_text_sorts_as_they_do() -> None:
    paris = timezone(timedelta(hours=2))
    assert time_text(datetime(2026, 8, 19, 14, 0, tzinfo=paris)) == "2026-08-19T12:00:00.000000Z"


def test_a_transaction_is_written_whole_or_not_at_all(database: StateDatabase) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction():  # noqa: PT012 - the block is the point
        assert database.write("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('a', 'b')") == 1
        raise ZeroDivisionError
    assert database.rows("SELECT 1 FROM _sqlite_migrations WHERE migration_set = 'a'") == []


def test_two_connections_do_not_write_at_once(database: StateDatabase, path: Path) -> None:
    with (
        StateDatabase.open(path, busy_seconds=0.01) as other,
        database.transaction(),
        pytest.raises(ConfigError, match=f"^another process keeps the database {re.escape(str(path))} busy; find"),
    ):
        other.write("DELETE FROM tb_deployment")


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("fraises:\n  my_api: not a database at all\n" * 50)
    with pytest.raises(ConfigError) as caught:
        StateDatabase.open(path)
    assert str(caught.value) == (
        f"{path} is not a SQLite database; move it away to start a new history, "
        "or set FRAISIER_DATABASE to another file"
    )


def test_a_damaged_database_is_named(path: Path, database: StateDatabase) -> None:
    database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(ConfigError, match="is damaged; move it away to start a new history"):
        StateDatabase.open(path).rows("SELECT * FROM v_deployment")


def test_a_database_of_a_newer_fraisier_is_refused(path: Path, database: StateDatabase) -> None:
    database.write("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('fraisier', 'm999_later')")
    with pytest.raises(ConfigError) as caught:
        StateDatabase.open(path)
    assert str(caught.value) == (
        f"the database {path} was written by a newer fraisier (m999_later); "
        "upgrade fraisier, or set FRAISIER_DATABASE to another file"
    )


def test_a_folder_in_place_of_the_file_is_an_error_in_one_line(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"^cannot open the database {re.escape(str(path))}; make it readable"):
        StateDatabase.open(path)


def test_a_file_in_place_of_the_folder_is_an_error_in_one_line(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(ConfigError, match=f"^cannot keep the state in {re.escape(str(path))}: file exists: "):
        StateDatabase.open(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_an_error_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="permission denied"):
        StateDatabase.open(tmp_path / "no" / "fraisier.db")


@pytest.mark.parametrize(
    ("pragma", "message"),
    [
        ("PRAGMA query_only = on", "cannot write to the database PATH; make the file and its folder writable, or"),
        ("PRAGMA max_page_count = 1", "no space left for the database PATH; free some space on its disk"),
    ],
)
def test_a_disk_that_takes_no_writes_is_an_error_in_one_line(
    database: StateDatabase, path: Path, pragma: str, message: str
) -> None:
    database._connection.execute(pragma)
    with pytest.raises(ConfigError) as caught:
        database.write(
            "INSERT INTO tb_deployment_lock (id, identifier, service_name, provider_name, holder, host, locked_at)"
            " VALUES ('i', 'i', 's', 'p', ?, 'h', 't')",
            ["x" * 1_000_000],
        )
    assert str(caught.value).startswith(message.replace("PATH", str(path)))
    assert database.rows("SELECT 1 FROM tb_deployment_lock") == []


def test_no_error_of_sqlite_escapes(database: StateDatabase) -> None:
    with pytest.raises(FraisierError) as caught:
        database.rows("SELECT nonsense")
    assert not isinstance(caught.value, sqlite3.Error)
    database.close()
    with pytest.raises(FraisierError):
        database.rows("SELECT 1")


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {**schema.STEPS, "m002_broken": "CREATE TABLE tb_new (x); INSERT INTO missing VALUES (1);"}
    monkeypatch.setattr(schema, "STEPS", steps)
    with pytest.raises(InternalError, match="no such table: missing"):
        StateDatabase.open(path)
    monkeypatch.undo()
    with StateDatabase.open(path) as database:
        assert database.rows("SELECT name FROM sqlite_master WHERE name = 'tb_new'") == []
        assert database.rows("SELECT name FROM _sqlite_migrations") == [{"name": "m001_first"}]


def test_opening_waits_where_sqlite_itself_does_not(path: Path) -> None:
    path.parent.mkdir()
    # SQLite refuses at once to change the journal of a database to which somebody writes.
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("CREATE TABLE somebody_elses (x)")
    release = threading.Timer(0.2, lambda: writer.execute("COMMIT"))
    release.start()
    with StateDatabase.open(path) as database:
        assert database.rows("SELECT count(*) AS n FROM v_deployment") == [{"n": 0}]
    release.join()
    writer.close()


@pytest.mark.slow
def test_twenty_processes_open_a_fresh_database_at_once(act: Act, path: Path) -> None:
    openers = [act("open", path) for _ in range(20)]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        output, _ = opener.communicate(timeout=60)
        assert (output, opener.returncode) == ("opened\n", 0)
    with StateDatabase.open(path) as database:
        assert database.rows("SELECT count(*) AS n FROM _sqlite_migrations") == [{"n": 1}]
        numbers = [row["number"] for row in database.rows("SELECT number FROM v_deployment ORDER BY number")]
        assert numbers == list(range(1, 21))
