"""The state database: the only module that knows SQLite and sqlite-utils.

What SQLite says never leaves as such: it becomes an error of ours that names the file and the next step.
"""

from __future__ import annotations

import sqlite3  # noqa: TID253 - this is its one module
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fraisier.contract.errors import ConfigError, FraisierError, InternalError
from fraisier.engine.state import migrations as schema

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

BUSY_SECONDS: Final = 30.0
_SET: Final = "fraisier"
_OWN_FOLDER: Final = ".fraisier"
_ELSEWHERE: Final = "set FRAISIER_DATABASE to another file"
_START_ANEW: Final = f"move it away to start a new history, or {_ELSEWHERE}"


def database_path(folder: Path, configured: str | None, environ: Mapping[str, str]) -> Path:
    """Return where the state is: FRAISIER_DATABASE, `state.database`, or `.fraisier/` beside `fraises.yaml`."""
    chosen = environ.get("FRAISIER_DATABASE")
    try:
        if chosen:
            return Path(chosen).expanduser().absolute()
        if configured:
            return (folder / Path(configured).expanduser()).absolute()
    except RuntimeError:
        raise ConfigError(
            f"no home folder for the database {chosen or configured}", hint="write its path without ~"
        ) from None
    return (folder / _OWN_FOLDER / "fraisier.db").absolute()


def time_text(moment: datetime) -> str:
    """Return a time as the tables hold it: UTC, microseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now_text() -> str:
    """Return the time it is, as the tables hold it."""
    return time_text(datetime.now(UTC))


class StateDatabase:
    """One connection to the state database; threads may share it.

    Args:
        connection: to the database, migrated.
        path: its file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._guard = threading.RLock()

    @classmethod
    def open(cls, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> StateDatabase:
        """Open the database, making folder, file and tables where they are missing."""
        with _in_our_words(path):
            _make_folder(path.parent)
            connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, path, time.monotonic() + busy_seconds)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self._guard, _in_our_words(self.path):
            cursor = self._connection.execute(sql, params)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def write(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Change rows and return how many, in a transaction of its own unless one is open."""
        with self.transaction(), _in_our_words(self.path):
            return self._connection.execute(sql, params).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock for a block: all of it is written, or nothing; an inner one joins the outer one."""
        with self._guard:
            if self._is_writing():
                yield
                return
            try:
                self._execute("BEGIN IMMEDIATE")
                yield
                self._execute("COMMIT")
            finally:
                # Also after Ctrl-C between two of these lines, and a COMMIT that failed.
                if self._is_writing():
                    self._execute("ROLLBACK")

    def _is_writing(self) -> bool:
        return self._connection.in_transaction

    def _execute(self, sql: str) -> None:
        with _in_our_words(self.path):
            self._connection.execute(sql)

    def close(self) -> None:
        """Close the connection."""
        with self._guard:
            self._connection.close()

    def __enter__(self) -> StateDatabase:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == _OWN_FOLDER and not ignore.exists():
        ignore.write_text("*\n", encoding="ascii")


def _prepare(connection: sqlite3.Connection, path: Path, deadline: float) -> None:
    """Set the connection up and bring the tables up to date, while other processes may do the same."""
    while True:
        try:
            connection.execute("PRAGMA foreign_keys = on")
            # Some network file systems cannot do WAL and stay with a journal, which is right as well.
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = wal").fetchone()
            _migrate(connection, path)
        except sqlite3.OperationalError as error:
            # SQLite does not wait its busy timeout where waiting could deadlock, as when the journal changes.
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date; only where they are not is sqlite-utils imported, which takes a while."""
    applied = _applied(connection)
    if unknown := applied - schema.STEPS.keys():
        raise ConfigError(
            f"the database {path} was written by a newer fraisier ({', '.join(sorted(unknown))})",
            hint=f"upgrade fraisier, or {_ELSEWHERE}",
        )
    if applied == schema.STEPS.keys():
        return
    from sqlite_utils import Database

    connection.execute("BEGIN IMMEDIATE")
    try:
        # What is pending is asked again in here: another process may have been faster.
        _migrations().apply(Database(connection, execute_plugins=False))
        connection.commit()
    finally:
        connection.rollback()


def _applied(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the steps that are done, from the table in which sqlite-utils keeps them."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
        return set()
    rows = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", [_SET])
    return {name for (name,) in rows}


def _migrations() -> Migrations:
    from sqlite_utils import Migrations

    migrations = Migrations(_SET)
    for name, sql in schema.STEPS.items():

        def run(database: Database, /, sql: str = sql) -> None:
            database.executescript(sql)

        migrations(name=name)(run)
    return migrations


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _our_error(error, path) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = error.filename or path
        raise ConfigError(f"cannot keep the state in {path}: {reason}: {where}", hint=_ELSEWHERE) from error


def _primary_code(error: sqlite3.Error) -> int:
    # Errors that the sqlite3 module itself raises, such as for a closed connection, have no code.
    return int(getattr(error, "sqlite_errorcode", -1)) & 0xFF


def _our_error(error: sqlite3.Error, path: Path) -> FraisierError:
    match _primary_code(error):
        case sqlite3.SQLITE_NOTADB:
            return ConfigError(f"{path} is not a SQLite database", hint=_START_ANEW)
        case sqlite3.SQLITE_CORRUPT:
            return ConfigError(f"the database {path} is damaged", hint=_START_ANEW)
        case sqlite3.SQLITE_CANTOPEN:
            return ConfigError(
                f"cannot open the database {path}", hint=f"make it readable and writable, or {_ELSEWHERE}"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            hint = f"make the file and its folder writable, or {_ELSEWHERE}"
            return ConfigError(f"cannot write to the database {path}", hint=hint)
        case sqlite3.SQLITE_FULL:
            return ConfigError(f"no space left for the database {path}", hint="free some space on its disk")
        case sqlite3.SQLITE_IOERR:
            return ConfigError(
                f"the disk failed at the database {path}", hint=f"look at the disk, or {_ELSEWHERE}"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ConfigError(
                f"another process keeps the database {path} busy", hint=f"find it with: fuser {path}"
            )
        case _:
            return InternalError(f"the database {path} refused a statement: {error}")
