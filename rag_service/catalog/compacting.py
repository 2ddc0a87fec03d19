"""Making what was deleted go from the database's files too."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from rag_service.errors import CatalogUnavailable

LEFT_TO_POSTGRESQL = (
    "The rows are removed and vacuumed. PostgreSQL overwrites their space when it uses it again, and its write-ahead log "
    "and backups are kept as its operator has set them."
)

_PAUSE_S = 0.05


async def compact_sqlite(path: str, *, wait_s: float) -> Sequence[str]:
    """Bring the write-ahead log into the database and empty it; `secure_delete` has overwritten the rows themselves.

    Raises:
        CatalogUnavailable: somebody read from the log all the time.
    """
    tries = max(int(wait_s / _PAUSE_S), 1)
    for _ in range(tries):
        if await asyncio.to_thread(_emptied_log, path):
            return ()
        await asyncio.sleep(_PAUSE_S)
    raise CatalogUnavailable(f"The write-ahead log of {path} was in use for {wait_s:g} s.")


async def vacuum_postgresql(engine: AsyncEngine, tables: Sequence[str]) -> Sequence[str]:
    """Free the space of dead rows, outside of any transaction."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in tables:
            await connection.execute(sa.text(f'VACUUM "{table}"'))
    return (LEFT_TO_POSTGRESQL,)


def _emptied_log(path: str) -> bool:
    try:
        # A short wait for the lock: whoever writes must not stand behind a checkpoint that waits for readers.
        with closing(sqlite3.connect(path, timeout=_PAUSE_S)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise CatalogUnavailable("The database could not be checkpointed.") from error
    return not busy
