"""Bringing a database to this version's schema."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from rag_service.catalog.complaints import DAMAGED
from rag_service.catalog.database import WAIT_S, Database, connect
from rag_service.errors import CatalogUnavailable

HEAD = "0013"
"""The revision of the newest script in migrations/versions."""

_LOCK = 7_203_911  # any number, the same in every release
_TRIES = 10
_PAUSE_S = 0.1


async def migrate(url: str) -> None:
    """Create or upgrade the schema; several processes may do so at once, one of them does the work.

    Raises:
        Misconfigured: a newer release has written this database.
        CatalogUnavailable: the database cannot be reached.
    """
    database = connect(url, pool_size=1)
    try:
        if url.startswith("sqlite"):
            await _create_file(Path(str(sa.make_url(url).database)))
        if not await _is_up_to_date(database):
            await _upgrade(database)
    finally:
        await database.close()


async def _is_up_to_date(database: Database) -> bool:
    async with database.reading() as connection:
        return await connection.run_sync(_revision) == HEAD


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


async def _upgrade(database: Database) -> None:
    # In a thread, since others are served while it is imported.
    upgrade = await asyncio.to_thread(_import_upgrade)
    async with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        await connection.run_sync(upgrade)


def _import_upgrade() -> Callable[[sa.Connection], None]:
    from rag_service.catalog.alembic_scripts import upgrade  # noqa: PLC0415  (Alembic is slow to import)

    return upgrade


async def _create_file(path: Path) -> None:
    """Create a SQLite file that keeps a write-ahead log, for good; an existing one is left as it is."""
    for attempt in range(1, _TRIES + 1):
        try:
            return await asyncio.to_thread(_switch_to_wal, path)
        except UnicodeDecodeError as error:
            raise CatalogUnavailable(DAMAGED) from error
        except (OSError, sqlite3.Error) as error:
            # Switching fails at once, without waiting for a lock, while another process switches too.
            if attempt == _TRIES:
                raise CatalogUnavailable(f"The database file {path} cannot be opened.") from error
            await asyncio.sleep(_PAUSE_S)
    return None


def _switch_to_wal(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
