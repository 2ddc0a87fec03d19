"""The draft that takes plain uploads."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import draft_of
from rag_service.catalog.tables import OPEN_AUTOMATIC, drafts
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import CorpusId, new_id


async def automatic_draft(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
    """Return the open automatic draft of a corpus, made when there is none; it stays open in this transaction."""
    corpus = await read_corpus(connection, scope, corpus_id)
    open_one = drafts.select().where(drafts.c.corpus_id == corpus_id, OPEN_AUTOMATIC).with_for_update()
    while (found := (await connection.execute(open_one)).first()) is None:
        new = insert_into(connection, drafts).values(
            id=new_id("draft_"),
            tenant_id=scope.tenant_id,
            corpus_id=corpus_id,
            automatic=True,
            state=DraftState.OPEN,
            base=corpus.published,
            created_at=now,
        )
        # The unique index decides between two that add at once; the loser reads what the winner committed.
        await connection.execute(new.on_conflict_do_nothing())
    return draft_of(found)
