"""Connections to the catalog's database, with its errors translated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rag_service.catalog.compacting import compact_sqlite, vacuum_postgresql
from rag_service.catalog.complaints import DAMAGED, complaint
from rag_service.catalog.sqlite_connection import SingleTripConnection, connect_sqlite
from rag_service.errors import CatalogUnavailable, Conflict, InvalidRequest, Misconfigured

WAIT_S = 15
"""How long a transaction waits for a connection or for the lock of another writer."""

_BAD_VALUE = "22"  # class of SQLSTATE: a value the database cannot hold, like U+0000 in PostgreSQL

Begin = Callable[[AsyncConnection], Awaitable[object]]


class Database:
    """Three engines of one database: `reader` sees one state per transaction, `writer` may change it.

    `glancer` shares the reader's connections; a statement without a transaction is one of its own there.
    """

    def __init__(
        self,
        reader: AsyncEngine,
        writer: AsyncEngine,
        glancer: AsyncEngine,
        *,
        begin_reading: Begin,
        begin_writing: Begin,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._glancer = glancer
        self._begin_reading = begin_reading
        self._begin_writing = begin_writing

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes nothing."""
        with translated_errors():
            async with _transaction(self._reader, self._begin_reading) as connection:
                yield connection

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[AsyncConnection]:
        """Borrow a connection for a statement or two that write nothing; each sees the newest state."""
        with translated_errors():
            connection = await _started(self._glancer)
            try:
                yield connection
            finally:
                # Nothing is to be rolled back: closing waits for nothing that a cancellation could cut short.
                await connection.close()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits at the end of the block, or rolls back when it raises."""
        with translated_errors():
            async with _transaction(self._writer, self._begin_writing) as connection:
                yield connection

    async def compact(self, tables: Sequence[str]) -> Sequence[str]:
        """Let nothing of deleted rows lie in the files any more; return what is left to the database's operator.

        Raises:
            CatalogUnavailable: readers kept the write-ahead log from being emptied.
        """
        with translated_errors():
            if self._writer.dialect.name == "sqlite":
                return await compact_sqlite(str(self._writer.url.database), wait_s=WAIT_S)
            return await vacuum_postgresql(self._writer, tables)

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()


def connect(url: str, *, pool_size: int) -> Database:
    """Return the database at `url`; nothing is opened before the first transaction.

    Raises:
        Misconfigured: it is neither SQLite nor PostgreSQL, or the address cannot be read.
    """
    try:
        name = sa.make_url(url).get_backend_name()
    except exc.ArgumentError as error:
        raise Misconfigured("RAG_CATALOG__URL is not a database address. Leave it empty for SQLite.") from error
    match name:
        case "sqlite":
            return _sqlite(url, pool_size)
        case "postgresql":
            return _postgresql(url, pool_size)
        case _:
            raise Misconfigured(
                f"RAG_CATALOG__URL: {name} is not supported. Use sqlite+aiosqlite or postgresql+asyncpg."
            )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into the tree of rag_service/errors.py."""
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict("This collides with something that exists, or refers to something that does not.") from error
    except exc.ProgrammingError:
        raise  # a mistake in this package: repeating cannot help, and hiding it would not either
    except exc.DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", "")).startswith(_BAD_VALUE):
            raise InvalidRequest("A value holds characters or numbers that cannot be stored.") from error
        raise CatalogUnavailable(complaint(error.orig)) from error
    except UnicodeDecodeError as error:
        # From SQLite's driver, whose message quotes a schema that is damaged.
        raise CatalogUnavailable(DAMAGED) from error
    except exc.TimeoutError as error:
        raise CatalogUnavailable(f"No database connection was free for {WAIT_S} s.") from error


def insert_into(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


@asynccontextmanager
async def _transaction(engine: AsyncEngine, begin: Begin) -> AsyncIterator[AsyncConnection]:
    async with _connected(engine) as connection:
        await begin(connection)
        yield connection
        await _run_to_its_end(connection.commit())


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    connection = await _started(engine)
    try:
        yield connection
    finally:
        # Closing rolls back what is not committed.
        await _run_to_its_end(connection.close())


async def _started(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect().start()
    except OSError as error:
        raise CatalogUnavailable("The database cannot be reached.") from error


async def _run_to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish `work` however often this task is cancelled meanwhile; the cancellation is delivered afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    task.result()


def _postgresql(url: str, pool_size: int) -> Database:
    engine = create_async_engine(
        url, pool_size=pool_size, pool_timeout=WAIT_S, pool_pre_ping=True, connect_args={"timeout": WAIT_S}
    )
    return Database(
        engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        engine.execution_options(isolation_level="READ COMMITTED"),
        engine.execution_options(isolation_level="AUTOCOMMIT"),
        begin_reading=AsyncConnection.begin,
        begin_writing=AsyncConnection.begin,
    )


def _sqlite(url: str, pool_size: int) -> Database:
    reader = _sqlite_engine(url, pool_size=pool_size, pragmas=("query_only = ON",))
    # One connection: SQLite has one writer, and those who wait for it must not hold the readers' connections.
    writer = _sqlite_engine(url, pool_size=1, pragmas=())
    return Database(reader, writer, reader, begin_reading=_begin_with_first_statement, begin_writing=_begin_immediately)


def _sqlite_engine(url: str, *, pool_size: int, pragmas: tuple[str, ...]) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        # None: the driver opens no transactions of its own, `Database` does.
        connect_args={"isolation_level": None, "timeout": WAIT_S, "async_creator_fn": connect_sqlite},
    )
    settings = (
        "foreign_keys = ON",
        "secure_delete = ON",
        # Under WAL, NORMAL may lose the last commits in a power cut: an acknowledged upload must survive it.
        "synchronous = FULL",
        *pragmas,
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    return engine


# Not as a listener to SQLAlchemy's event: an engine with one looks for listeners at every statement.
async def _begin_with_first_statement(connection: AsyncConnection) -> None:
    (await _driver_of(connection)).begin_with_first_statement()


async def _begin_immediately(connection: AsyncConnection) -> None:
    # A transaction that reads first and writes later cannot take the lock that another one holds.
    (await _driver_of(connection)).expect_begin()
    await connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _driver_of(connection: AsyncConnection) -> SingleTripConnection:
    return cast("SingleTripConnection", (await connection.get_raw_connection()).driver_connection)
