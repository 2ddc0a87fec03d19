"""Which changed documents explain that a golden question is worse off."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from eval.metrics.quotes import folded
from rag_service.domain.access import AccessScope
from rag_service.domain.differences import DiffedDocument, VersionDiff
from rag_service.domain.gates import Cause, Responsible
from rag_service.domain.golden import GoldQuote
from rag_service.domain.ids import DocumentId
from rag_service.ports.catalog import Catalog

_FIRST = 5
"""Passages among which a document can displace another."""

Evidence = Mapping[str, Any]


class FindResponsible:
    """Looks for the causes among the documents that differ between two versions."""

    def __init__(self, *, catalog: Catalog, scope: AccessScope, changes: VersionDiff) -> None:
        self._catalog = catalog
        self._scope = scope
        self._ended = [*changes.removed, *changes.changed]
        self._new = {(one.document_id, one.revision_after): one for one in (*changes.added, *changes.changed)}
        self._texts: dict[tuple[DocumentId, int], str] = {}

    async def __call__(self, before: Evidence, after: Evidence) -> tuple[Responsible, ...]:
        """Return what changed documents did to a question, each document once, a lost quote first."""
        causes = dict.fromkeys(await self._lost(_quotes_in(before)), Cause.LOST_QUOTE)
        for key in self._displacing(before, after):
            causes.setdefault(key, Cause.DISPLACED)
        for key in self._among(after["cited"]):
            causes.setdefault(key, Cause.CITED)
        return tuple(Responsible(document_key=key, cause=cause) for key, cause in causes.items())

    async def _lost(self, quotes: Iterable[GoldQuote]) -> list[str]:
        """Return the documents that held one of the quotes, and hold it no more or are gone."""
        wanted = [(quote.document_key, folded(quote.text)) for quote in quotes]
        return [
            one.key
            for one in self._ended
            if any(key == one.key for key, _ in wanted)
            and await self._has_lost(one, [words for key, words in wanted if key == one.key])
        ]

    async def _has_lost(self, document: DiffedDocument, quotes: Iterable[str]) -> bool:
        old = await self._text(document.document_id, document.revision_before)
        new = await self._text(document.document_id, document.revision_after)
        return any(words in old and (new is None or words not in new) for words in quotes if old is not None)

    async def _text(self, document_id: DocumentId, revision: int | None) -> str | None:
        """Return the words of a revision as quotes are compared; those of a large document take a while."""
        if revision is None:
            return None
        if (document_id, revision) not in self._texts:
            async with self._catalog.reading() as tx:
                text = (await tx.documents.parsed(self._scope, document_id, revision)).text
            self._texts[document_id, revision] = await asyncio.to_thread(folded, text)
        return self._texts[document_id, revision]

    def _displacing(self, before: Evidence, after: Evidence) -> list[str]:
        """Return what is new among the first passages, before the gold passage, which stood among them."""
        stood, stands = before["gold_rank"], after["gold_rank"] or _FIRST + 1
        if stood is None or stood > _FIRST or stands <= stood:
            return []
        return self._among(after["found"][: min(stands - 1, _FIRST)])

    def _among(self, excerpts: Iterable[Evidence]) -> list[str]:
        found = ((one["document_id"], one["revision"]) for one in excerpts)
        return list(dict.fromkeys(self._new[member].key for member in found if member in self._new))


def _quotes_in(before: Evidence) -> list[GoldQuote]:
    """Return the gold quotes; what was cited where none are known."""
    gold = [GoldQuote(document_key=one["document_key"], text=one["text"]) for one in before["gold"]]
    return gold or [GoldQuote(document_key=one["document_key"], text=one["quote"]) for one in before["cited"]]
