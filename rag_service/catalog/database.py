"""Connections to the catalog's database, with its errors translated."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rag_service.catalog.compacting import compact_sqlite, vacuum_postgresql
from rag_service.catalog.complaints import DAMAGED, complaint
from rag_service.catalog.sqlite_connection import connect_sqlite
from rag_service.errors import CatalogUnavailable, Conflict, InvalidRequest, Misconfigured

WAIT_S = 15
"""How long a transaction waits for a connection or for the lock of another writer."""

_GLANCES = "rag_glances"
_BAD_VALUE = "22"  # class of SQLSTATE: a value the database cannot hold, like U+0000 in PostgreSQL


class Database:
    """Three engines of one database: `reader` sees one state per transaction, `writer` may change it.

    `glancer` shares the reader's connections and opens no transaction.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine, glancer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer
        self._glancer = glancer

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes nothing."""
        with translated_errors():
            async with _transaction(self._reader) as connection:
                yield connection

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[AsyncConnection]:
        """Borrow a connection for a statement or two that write nothing; each sees the newest state."""
        with translated_errors():
            async with _connected(self._glancer) as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits at the end of the block, or rolls back when it raises."""
        with translated_errors():
            async with _transaction(self._writer) as connection:
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
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with _connected(engine) as connection:
        await connection.begin()
        yield connection
        await _run_to_its_end(connection.commit())


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    connection = engine.connect()
    try:
        await connection.start()
    except OSError as error:
        raise CatalogUnavailable("The database cannot be reached.") from error
    try:
        yield connection
    finally:
        # Closing rolls back what is not committed.
        await _run_to_its_end(connection.close())


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
    )


def _sqlite(url: str, pool_size: int) -> Database:
    reader = _sqlite_engine(url, pool_size=pool_size, begin=_begin_reading, pragmas=("query_only = ON",))
    # One connection: SQLite has one writer, and those who wait for it must not hold the readers' connections.
    # BEGIN IMMEDIATE: a transaction that reads first and writes later cannot take the lock that another one holds.
    writer = _sqlite_engine(url, pool_size=1, begin=_begin_immediately, pragmas=())
    return Database(reader, writer, reader.execution_options(**{_GLANCES: True}))


def _sqlite_engine(
    url: str, *, pool_size: int, begin: Callable[[sa.Connection], None], pragmas: tuple[str, ...]
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        # None: the driver opens no transactions of its own, `begin` does.
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

    sa.event.listen(engine.sync_engine, "begin", begin)
    return engine


def _begin_reading(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    # An option of ours: the isolation level AUTOCOMMIT would send messages to the driver's thread, there and back.
    if connection.get_execution_options().get(_GLANCES):
        driver.begin_nothing()
    else:
        driver.begin_with_first_statement()


def _begin_immediately(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
