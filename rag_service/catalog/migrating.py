"""Bringing a database to this version's schema."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from rag_service.catalog.database import WAIT_S, connect
from rag_service.errors import CatalogUnavailable, Misconfigured

_SCRIPTS = Path(__file__).parent / "migrations"
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
        async with database.writing() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(_upgrade)
    finally:
        await database.close()


def alembic_config() -> Config:
    """Return Alembic's configuration: the scripts of this package, whatever folder it runs from."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


async def _create_file(path: Path) -> None:
    """Create a SQLite file that keeps a write-ahead log, for good; an existing one is left as it is."""
    for attempt in range(1, _TRIES + 1):
        try:
            return await asyncio.to_thread(_switch_to_wal, path)
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


def _upgrade(connection: sa.Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        known = ", ".join(ScriptDirectory.from_config(config).get_heads())
        raise Misconfigured(
            f"The catalog was written by a newer release (this one knows {known}). Upgrade, or restore a backup."
        ) from error
