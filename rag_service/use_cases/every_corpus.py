"""All corpora of a tenant, for work that is done on each."""

from collections.abc import AsyncIterator

from rag_service.domain.access import AccessScope
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Catalog


async def every_corpus(catalog: Catalog, scope: AccessScope) -> AsyncIterator[Corpus]:
    """Yield the corpora of a scope by time of creation, however many there are."""
    after, more = None, True
    while more:
        async with catalog.reading() as tx:
            page = await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc", after=after))
        for corpus in page.items:
            yield corpus
        after, more = page.items[-1].id if page.items else None, page.has_more
