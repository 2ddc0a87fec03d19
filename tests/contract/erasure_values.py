"""Erasures that the catalog's tests ask for, and what they do with them."""

from dataclasses import replace
from typing import Any

import numpy as np

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import Permission
from rag_service.domain.erasures import (
    Erasure,
    ErasureKind,
    ErasurePlan,
    Removal,
    Tombstone,
    TombstoneKind,
)
from rag_service.domain.ids import DocumentId, ErasureId, KeyId
from rag_service.ports.catalog.erasures import BuiltMember, Rewriting
from rag_service.ports.sparse_encoder import DocumentFrequencies
from tests.contract.catalog_values import (
    CORPUS,
    FINGERPRINT,
    OURS,
    READER,
    SYSTEM,
    add_corpus,
    at,
    member,
    publish,
)

DOCUMENT = DocumentId("doc_a")
TERMS: dict[BuiltMember, DocumentFrequencies] = {
    (member("a"), FINGERPRINT): DocumentFrequencies(
        chunk_count=1, terms=np.array([3, 7], np.uint32), counts=np.array([1, 1], np.uint32)
    )
}
UPLOADER = replace(READER, permissions=frozenset({Permission.CHAT, Permission.UPLOAD}))


def erasure(kind: ErasureKind = ErasureKind.DOCUMENT, name: str = "one", **subject: str) -> Erasure:
    return Erasure(
        id=ErasureId(f"erasure_{name}"),
        tenant_id=OURS,
        kind=kind,
        subject=subject or {"document_id": DOCUMENT, "corpus_id": CORPUS},
        requested_by=KeyId("key_admin"),
        created_at=at(5),
    )


def tombstone(
    kind: TombstoneKind = TombstoneKind.DOCUMENT, ref: str = DOCUMENT, asked: Erasure | None = None
) -> Tombstone:
    asked = asked or erasure()
    return Tombstone(
        kind=kind,
        id=ref,
        tenant_id=OURS,
        corpus_id=CORPUS,
        erasure_id=asked.id,
        principals=frozenset({"hash"}),
        erased_at=asked.created_at,
    )


async def with_two_documents(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    return catalog


async def request(catalog: SqlCatalog, asked: Erasure | None = None, stone: Tombstone | None = None) -> None:
    async with catalog.writing() as tx:
        await tx.erasures.hide_document(SYSTEM, DOCUMENT, "erasure_one", at(5))
        await tx.erasures.add(SYSTEM, asked or erasure(), [stone or tombstone()])


async def rewriting(catalog: SqlCatalog) -> Rewriting:
    async with catalog.reading() as tx:
        return await tx.erasures.without(SYSTEM, DOCUMENT, TERMS)


async def remove(catalog: SqlCatalog, **options: Any) -> tuple[Removal, ErasurePlan]:
    made = options.get("rewriting") or await rewriting(catalog)
    async with catalog.writing() as tx:
        return await tx.erasures.remove_document(SYSTEM, tombstone(), made)


async def about(catalog: SqlCatalog, asked: Erasure, **options: Any) -> list[str]:
    async with catalog.reading() as tx:
        return [place.id for place in await tx.erasures.answers_about(SYSTEM, asked, **options)]
