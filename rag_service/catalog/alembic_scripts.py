"""Carrying out the migration scripts. Alembic takes long to import: only a start that finds work for it does."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from rag_service.errors import Misconfigured

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema behind `connection` to this release's, within its transaction.

    Raises:
        Misconfigured: a newer release has written this database.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        known = ", ".join(ScriptDirectory.from_config(config).get_heads())
        raise Misconfigured(
            f"The catalog was written by a newer release (this one knows {known}). Upgrade, or restore a backup."
        ) from error


def alembic_config() -> Config:
    """Return Alembic's configuration: the scripts of this package, whatever folder it runs from."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
