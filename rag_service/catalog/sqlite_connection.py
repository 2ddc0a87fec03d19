"""SQLite connections that go to their thread once per statement, not four times, and that can be stopped twice.

aiosqlite makes each of: new cursor, execute, fetch, close, a message to the connection's thread and back. For the
catalog's short statements these messages, not SQLite, are most of the time.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, cast

import aiosqlite


class SingleTripConnection(aiosqlite.Connection):
    """A connection whose cursors read all rows while they are in its thread, as SQLAlchemy would do right after."""

    _stopped: asyncio.Future[Any] | None = None
    _begins = False
    _open = False

    def stop(self) -> asyncio.Future[Any] | None:
        """End the connection's thread, once.

        SQLAlchemy stops a connection whose closing is cancelled, and the closing stops it again. The thread never
        answers a second request, so the task that waits for it could not even be cancelled.
        """
        if self._stopped is None:
            self._stopped = super().stop()
        return self._stopped

    def cursor(self) -> "SingleTripCursor":  # type: ignore[override]  # SQLAlchemy needs no more of a cursor
        """Return a cursor; nothing is sent to the thread yet."""
        return SingleTripCursor(self)

    def begin_with_first_statement(self) -> None:
        """Let the next statement begin a transaction; SQLite looks at the data no earlier after a BEGIN of its own."""
        self._begins = True

    def expect_begin(self) -> None:
        """Say that the next statement is a BEGIN: what it opens has to be ended."""
        self._open = True

    async def run(self, statement: Callable[[sqlite3.Cursor], object]) -> "_Outcome":
        """Run `statement` in the connection's thread and return all there is to know of it.

        Outside of a transaction it is one of its own, which needs no end.
        """
        begins, self._begins = self._begins, False
        self._open = self._open or begins
        done = await self._execute(_run, self._conn, statement, begins=begins)  # type: ignore[no-untyped-call]
        return cast("_Outcome", done)

    async def commit(self) -> None:
        """Commit what was run."""
        await self._end(self._conn.commit)

    async def rollback(self) -> None:
        """Take back what was run; SQLAlchemy asks for it after each commit too."""
        await self._end(self._conn.rollback)

    async def _end(self, end: Callable[[], None]) -> None:
        self._begins = False
        if self._open:
            await self._execute(end)  # type: ignore[no-untyped-call]
            # Not before: after a commit that failed or was cancelled, the rollback has to go out.
            self._open = False


class SingleTripCursor:
    """The part of an aiosqlite cursor that SQLAlchemy uses."""

    def __init__(self, connection: SingleTripConnection) -> None:
        self._connection = connection
        self._outcome = _Outcome()
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        """The columns of the rows, None without rows."""
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> int | None:
        """SQLite's number of the row inserted last."""
        return self._outcome.lastrowid

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run one statement and read its rows."""
        self._outcome = await self._connection.run(lambda cursor: cursor.execute(sql, tuple(parameters)))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Run one statement once per row of parameters."""
        self._outcome = await self._connection.run(lambda cursor: cursor.executemany(sql, parameters))
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows, which have been read already."""
        return self._outcome.rows

    async def close(self) -> None:
        """Nothing is open any more."""


class _Outcome:
    def __init__(self, cursor: sqlite3.Cursor | None = None) -> None:
        self.description = cursor.description if cursor else None
        self.rows: Sequence[Any] = cursor.fetchall() if cursor and cursor.description else ()
        # After the rows: SQLite counts what RETURNING changed while it is read.
        self.rowcount = cursor.rowcount if cursor else -1
        self.lastrowid = cursor.lastrowid if cursor else None


def connect_sqlite(database: str, **options: Any) -> SingleTripConnection:
    """Return a connection to `database`; it opens when it is awaited."""
    connection = SingleTripConnection(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    # As SQLAlchemy does with connections of its own: a forgotten one must not keep the process alive.
    connection._thread.daemon = True  # noqa: SLF001
    return connection


def _run(connection: sqlite3.Connection, statement: Callable[[sqlite3.Cursor], object], *, begins: bool) -> _Outcome:
    cursor = connection.cursor()
    try:
        if begins:
            cursor.execute("BEGIN")
        statement(cursor)
        return _Outcome(cursor)
    finally:
        cursor.close()
