"""Making what was deleted go from the database's files too."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from rag_service.errors import CatalogUnavailable

LEFT_TO_POSTGRESQL = (
    "The rows are removed and vacuumed. PostgreSQL overwrites their space when it uses it again, and its write-ahead log "
    "and backups are kept as its operator has set them."
)

LEFT_IN_SQLITE = (
    "The rows are overwritten. The catalog is too large to be written anew while people write to it: of short rows that SQLite "
    "had moved, some bytes may stay until VACUUM is run on it, or it is moved to PostgreSQL."
)

_MOST_WRITTEN_ANEW = 2**29
"""Bytes, for which writers wait about three seconds: on slow disks too less than what makes them give up."""

_PAUSE_S = 0.05


async def compact_sqlite(path: str, *, wait_s: float, most_written_anew: int = _MOST_WRITTEN_ANEW) -> Sequence[str]:
    """Write the database anew unless it is large, and empty its write-ahead log. Readers go on, writers wait.

    `secure_delete` overwrites rows where they are deleted, not where SQLite had moved them from before: of random keys one
    in a thousand stayed, of short rows one in ten thousand.

    Raises:
        CatalogUnavailable: somebody wrote, or read from the log, all the time, or there is no room for a copy.
    """
    size = await asyncio.to_thread(os.path.getsize, path)
    is_small = size <= most_written_anew
    for act in (_written_anew, _emptied_log) if is_small else (_emptied_log,):
        await _again_and_again(act, path, wait_s=wait_s)
    return () if is_small else (LEFT_IN_SQLITE,)


async def vacuum_postgresql(engine: AsyncEngine, tables: Sequence[str]) -> Sequence[str]:
    """Free the space of dead rows, outside of any transaction."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in tables:
            await connection.execute(sa.text(f'VACUUM "{table}"'))
    return (LEFT_TO_POSTGRESQL,)


async def _again_and_again(act: Callable[[str], bool], path: str, *, wait_s: float) -> None:
    tries = max(int(wait_s / _PAUSE_S), 1)
    for _ in range(tries):
        if await asyncio.to_thread(act, path):
            return
        await asyncio.sleep(_PAUSE_S)
    raise CatalogUnavailable(f"The database {path} was in use for {wait_s:g} s.")


def _written_anew(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=_PAUSE_S, isolation_level=None)) as connection:
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise CatalogUnavailable("The database could not be written anew.") from error
    return True


def _emptied_log(path: str) -> bool:
    try:
        # A short wait for the lock: whoever writes must not stand behind a checkpoint that waits for readers.
        with closing(sqlite3.connect(path, timeout=_PAUSE_S)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise CatalogUnavailable("The database could not be checkpointed.") from error
    return not busy
