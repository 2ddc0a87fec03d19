"""What the tests of erasures ask of a desk: to erase, and to look everywhere."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from rag_service.catalog.database import connect
from rag_service.catalog.tables import kept_vectors, metadata
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.answers import Answer, Finished, Message, Question
from rag_service.domain.erasures import Erasure, ErasureState
from rag_service.domain.ids import DocumentId
from tests.integration.desk import Desk


async def document_id(desk: Desk, key: str) -> DocumentId:
    """Return the id of the document with a key."""
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        return (await tx.uploads.known(desk.admin, corpus.id, [key]))[key].document.id


async def erase(desk: Desk, key: str) -> Erasure:
    """Ask for a document to be erased, and let the worker do what is due."""
    asked = await desk.worker.container.request_erasure.document(desk.admin, await document_id(desk, key))
    return await finished(desk, asked)


async def finished(desk: Desk, asked: Erasure) -> Erasure:
    """Let the worker do what is due; return the erasure with its receipt."""
    await desk.work_off()
    async with desk.worker.container.catalog.reading() as tx:
        erasure = await tx.erasures.get(system_scope(desk.admin.tenant_id), asked.id)
    assert erasure.state is ErasureState.DONE
    return erasure


async def ask(
    desk: Desk, question: str, *, earlier: Sequence[Message] = (), end_user: str | None = None, at: str = ""
) -> Answer:
    """Ask the corpus as the admin, or as an application for one of its end users."""
    scope: AccessScope = replace(desk.admin, end_user=end_user)
    corpus = f"{desk.corpus}@{at}" if at else desk.corpus
    asked = Question(corpus=corpus, messages=(*earlier, Message(role="user", content=question)))
    events = [event async for event in desk.worker.container.ask_question(scope, asked)]
    assert isinstance(events[-1], Finished)
    return events[-1].answer


async def rows_with(desk: Desk, text: str) -> list[str]:
    """Return the columns of the catalog that hold a text, by table."""
    database = connect(desk.worker.container.settings.catalog_url, pool_size=1)
    found = []
    try:
        async with database.reading() as connection:
            for column in (column for table in metadata.sorted_tables for column in table.c):
                if isinstance(column.type, sa.String):
                    holding = sa.select(sa.func.count()).where(sa.cast(column, sa.Text).contains(text))
                    found += [str(column)] if (await connection.execute(holding)).scalar_one() else []
    finally:
        await database.close()
    return found


async def points(desk: Desk) -> int:
    """Return how many points the index holds of the corpus, in all builds."""
    index = desk.worker.container.index
    return sum([sum((await index.corpora(build)).values()) for build in await index.builds()])


async def kept_vector_count(desk: Desk) -> int:
    """Return how many vectors are kept."""
    database = connect(desk.worker.container.settings.catalog_url, pool_size=1)
    try:
        async with database.reading() as connection:
            counted = sa.select(sa.func.count()).select_from(kept_vectors)
            return int((await connection.execute(counted)).scalar_one())
    finally:
        await database.close()
