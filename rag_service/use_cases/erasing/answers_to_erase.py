"""Which answers go with a document because they repeat its words, though they do not show it."""

import asyncio
from collections.abc import Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer
from rag_service.domain.ids import AnswerId, DocumentId
from rag_service.errors import NotFound
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.erasing.repeated_text import Runs, repeats, runs_in

_ANSWERS_AT_ONCE = 200


async def answers_repeating(catalog: Catalog, scope: AccessScope, document_id: DocumentId) -> list[AnswerId]:
    """Return the answers with a run of a document's words, among those given since it is there."""
    async with catalog.reading() as tx:
        try:
            since = (await tx.documents.get(scope, document_id)).created_at
        except NotFound:
            return []
    erased = await _runs(catalog, scope, document_id)
    found: list[AnswerId] = []
    after: AnswerId | None = None
    while erased.size:
        async with catalog.reading() as tx:
            answers = await tx.erasures.answers(scope, since=since, after=after, limit=_ANSWERS_AT_ONCE)
        if not answers:
            break
        after = answers[-1].id
        found += await asyncio.to_thread(_repeating, answers, erased, document_id)
    return found


async def _runs(catalog: Catalog, scope: AccessScope, document_id: DocumentId) -> Runs:
    texts = []
    async with catalog.reading() as tx:
        for number in await tx.erasures.revisions(scope, document_id, hold=False):
            try:
                texts.append((await tx.documents.parsed(scope, document_id, number)).text)
            except NotFound:
                continue  # never prepared: it was shown to nobody
    return await asyncio.to_thread(runs_in, texts)


def _repeating(answers: Sequence[Answer], erased: Runs, document_id: DocumentId) -> list[AnswerId]:
    return [answer.id for answer in answers if repeats(answer, erased, document_id)]
