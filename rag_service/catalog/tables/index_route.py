"""Which engine answers searches: one row at most; and what the other lacks. Names of engines, ids and numbers only."""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table

from rag_service.catalog.columns import UtcDateTime
from rag_service.catalog.tables.metadata import metadata

index_route = Table(
    "index_route",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("serving", String, nullable=False),
    Column("following", String),
    Column("state", String, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("copied_build", String),
    Column("copied_to", String),
    Column("copied", BigInteger, nullable=False),
    Column("compared", BigInteger, nullable=False),
    Column("overlap", Float, nullable=False),
)

# One row for each build of which an engine that follows has ever missed writes: it lacks some while writes > mended.
index_misses = Table(
    "index_misses",
    metadata,
    Column("engine", String, primary_key=True),
    Column("fingerprint", String, primary_key=True),
    Column("writes", BigInteger, nullable=False),
    Column("mended", BigInteger, nullable=False),
)
