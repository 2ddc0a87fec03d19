"""Run by Alembic: applies the scripts in `versions/` on the connection it is given."""

from alembic import context

from rag_service.catalog.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    # All or nothing, on SQLite too: the caller has begun the transaction.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
