"""What versions count: document frequencies, documents and chunks, without a document that is erased."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.frequency_rows import frequencies_of, values_of
from rag_service.catalog.tables import chunks, corpora, document_frequencies, documents, memberships, versions
from rag_service.domain.ids import ChunkId, DocumentId, Fingerprint, TenantId
from rag_service.domain.versions import Member
from rag_service.errors import NotFound, SlotTaken
from rag_service.ports.catalog.erasures import BuiltMember, Rewriting
from rag_service.ports.sparse_encoder import DocumentFrequencies, without

_FROZEN = sa.and_(
    document_frequencies.c.corpus_id == memberships.c.corpus_id,
    document_frequencies.c.number >= memberships.c.born,
    document_frequencies.c.number < memberships.c.died,
)
_VISIBLE = sa.and_(
    versions.c.corpus_id == memberships.c.corpus_id,
    versions.c.number >= memberships.c.born,
    versions.c.number < memberships.c.died,
)


async def rewriting_of(
    connection: AsyncConnection,
    tenant_id: TenantId,
    document_id: DocumentId,
    terms: Mapping[BuiltMember, DocumentFrequencies],
) -> Rewriting:
    """Return the frequencies of every version in which a document was visible, without it."""
    erasures = await _erasures(connection, tenant_id, document_id)
    frozen = sa.select(memberships.c.revision, document_frequencies).join_from(
        memberships, document_frequencies, _FROZEN
    )
    tables = {}
    for row in await connection.execute(frozen.where(memberships.c.document_id == document_id)):
        member = Member(document_id=document_id, revision=row.revision)
        removed = terms.get((member, Fingerprint(row.fingerprint)))
        if removed is not None:
            tables[row.number, Fingerprint(row.fingerprint)] = without(frequencies_of(row), removed)
    return Rewriting(chunk_ids=await _chunk_ids(connection, document_id), erasures=erasures, tables=tables)


async def rewrite(
    connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId, rewriting: Rewriting
) -> int:
    """Count a document out of its versions, before its rows go; return how many tables were rewritten.

    Raises:
        SlotTaken: the rewriting was made from something else than is there now.
    """
    await _assert_fits(connection, tenant_id, document_id, rewriting)
    corpus_id = (
        await connection.execute(sa.select(documents.c.corpus_id).where(documents.c.id == document_id))
    ).scalar_one()
    for (number, fingerprint), table in rewriting.tables.items():
        one = document_frequencies.update().where(
            document_frequencies.c.corpus_id == corpus_id,
            document_frequencies.c.number == number,
            document_frequencies.c.fingerprint == fingerprint,
        )
        await connection.execute(one.values(values_of(table)))
    await _count_out(connection, document_id)
    counted = corpora.update().where(corpora.c.id == corpus_id)
    await connection.execute(counted.values(erasures=corpora.c.erasures + 1))
    return len(rewriting.tables)


async def _assert_fits(
    connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId, rewriting: Rewriting
) -> None:
    frozen = sa.select(document_frequencies.c.number, document_frequencies.c.fingerprint).join_from(
        memberships, document_frequencies, _FROZEN
    )
    built = sa.exists().where(
        chunks.c.document_id == memberships.c.document_id,
        chunks.c.revision == memberships.c.revision,
        chunks.c.fingerprint == document_frequencies.c.fingerprint,
    )
    rows = await connection.execute(frozen.where(memberships.c.document_id == document_id, built))
    now = {(row.number, Fingerprint(row.fingerprint)) for row in rows}
    fits = (
        now == set(rewriting.tables)
        and await _chunk_ids(connection, document_id) == rewriting.chunk_ids
        and await _erasures(connection, tenant_id, document_id) == rewriting.erasures
    )
    if not fits:
        raise SlotTaken(f"Versions or chunks of document {document_id} changed meanwhile.")


async def _count_out(connection: AsyncConnection, document_id: DocumentId) -> None:
    counted = (
        sa.select(versions.c.corpus_id, versions.c.number, sa.func.count(chunks.c.id).label("chunks"))
        .join_from(memberships, versions, _VISIBLE)
        .outerjoin(
            chunks,
            sa.and_(
                chunks.c.document_id == memberships.c.document_id,
                chunks.c.revision == memberships.c.revision,
                chunks.c.fingerprint == versions.c.fingerprint,
            ),
        )
        .where(memberships.c.document_id == document_id)
        .group_by(versions.c.corpus_id, versions.c.number)
    )
    for row in (await connection.execute(counted)).all():
        one = versions.update().where(versions.c.corpus_id == row.corpus_id, versions.c.number == row.number)
        await connection.execute(
            one.values(document_count=versions.c.document_count - 1, chunk_count=versions.c.chunk_count - row.chunks)
        )


async def _erasures(connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId) -> int:
    counter = sa.select(corpora.c.erasures).join(documents, documents.c.corpus_id == corpora.c.id)
    one = counter.where(documents.c.tenant_id == tenant_id, documents.c.id == document_id)
    found = (await connection.execute(one)).scalar_one_or_none()
    if found is None:
        raise NotFound("document", document_id)
    return int(found)


async def _chunk_ids(connection: AsyncConnection, document_id: DocumentId) -> frozenset[ChunkId]:
    every = sa.select(chunks.c.id).where(chunks.c.document_id == document_id)
    return frozenset((await connection.execute(every)).scalars())
