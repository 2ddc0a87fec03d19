"""Everything a corpus says about its versions, in words that are the same for every corpus with the same history."""

from typing import Any

from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Transaction
from tests.integration.desk import EVERY_STATE, Desk

Snapshot = dict[str, Any]


async def snapshot(desk: Desk) -> Snapshot:
    """Return members, versions, drafts and frequencies from the catalog, and points from the index."""
    keys = await desk.keys()
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        numbers = range(corpus.highest + 1)
        members = [await tx.versions.members(desk.admin, corpus.id, number) for number in numbers]
        found = await tx.chunks.of_members(desk.admin, corpus.fingerprint, sorted(frozenset().union(*members)))
        places = {
            chunk.id: (keys[chunk.document_id], chunk.revision, chunk.ordinal)
            for chunks in found.values()
            for chunk in chunks
        }
        return {
            "published": corpus.published,
            "members": [sorted((keys[one.document_id], one.revision) for one in now) for now in members],
            "versions": [await _version(tx, desk, corpus.id, number) for number in await _sealed(tx, desk, corpus)],
            "drafts": [
                (draft.name, draft.state, draft.number, draft.sealed_against)
                for draft in await tx.drafts.list(desk.admin, corpus.id, states=EVERY_STATE)
            ],
            "points": await _points(desk, corpus, places),
        }


async def _sealed(tx: Transaction, desk: Desk, corpus: Corpus) -> list[int]:
    highest = await tx.versions.highest(desk.admin, corpus.id)
    born = [await tx.versions.written_by(desk.admin, corpus.id, number) for number in range(highest + 1)]
    return [number for number, written in enumerate(born) if written.born or written.died]


async def _version(tx: Transaction, desk: Desk, corpus_id: CorpusId, number: int) -> tuple[object, ...]:
    version = await tx.versions.get(desk.admin, corpus_id, number)
    frequencies = await tx.versions.frequencies(desk.admin, corpus_id, number, version.fingerprint)
    assert frequencies is not None
    counts = (frequencies.chunk_count, frequencies.terms.tolist(), frequencies.counts.tolist())
    return number, version.document_count, version.chunk_count, version.published_at is not None, counts


async def _points(desk: Desk, corpus: Corpus, places: dict[Any, Any]) -> list[tuple[object, ...]]:
    index = desk.worker.container.index
    pages = [page async for page in index.states(corpus.fingerprint, corpus_id=corpus.id)]
    # A chunk that no version ever had is named as such, not by an id of its own.
    return sorted((places.get(one.chunk_id, ("never", 0, 0)), one.born, one.died) for page in pages for one in page)
