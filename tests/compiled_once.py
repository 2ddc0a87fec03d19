"""Engines of one process that share the statements they have compiled, as those of a service that runs for days do."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

_STATEMENT_COUNT = 4_000

_dialects: dict[str, sa.Dialect] = {}
_compiled: Any = LRUCache(_STATEMENT_COUNT)


def sharing_engine(url: str, **given: Any) -> AsyncEngine:
    """Return an engine that compiles no statement which another one of this process has compiled."""
    made = create_async_engine(url, **given)
    engine = made.sync_engine
    own = engine.dialect
    # A compiled statement belongs to a dialect, and a dialect learns about its database at its first connection.
    engine.dialect = _dialects.get(own.name, own)
    engine._compiled_cache = _compiled
    sa.event.listen(engine, "connect", lambda *_: _dialects.setdefault(own.name, own))
    return made
