"""Rows as mappings."""

from typing import Any

import sqlalchemy as sa


def columns_of(row: sa.Row[Any]) -> dict[str, Any]:
    """Return the row's values by column name."""
    return dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented interface, in spite of its name)
