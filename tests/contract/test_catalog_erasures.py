"""Erasing rows: the same on SQLite and PostgreSQL."""

from dataclasses import replace

import numpy as np
import pytest

from rag_service.catalog.compacting import LEFT_TO_POSTGRESQL
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE
from rag_service.domain.erasures import (
    ErasedChunks,
    ErasureKind,
    ErasurePlan,
    ErasureState,
    Removal,
    TombstoneKind,
)
from rag_service.domain.ids import ErasureId
from rag_service.domain.jobs import JobState
from rag_service.domain.pages import PageRequest
from rag_service.errors import NotFound, SlotTaken
from tests.contract.catalog_values import (
    CORPUS,
    FINGERPRINT,
    OURS,
    READER,
    START,
    STRANGER,
    SYSTEM,
    at,
    chunk,
    hold,
    member,
    prepare,
    upload,
)
from tests.contract.erasure_values import (
    DOCUMENT,
    UPLOADER,
    erasure,
    remove,
    request,
    rewriting,
    tombstone,
    with_two_documents,
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b, with the same text."""
    return await with_two_documents(catalog)


async def test_an_erasure_comes_back_as_it_was_noted(catalog: SqlCatalog) -> None:
    plan = ErasurePlan(
        chunks=(ErasedChunks(fingerprint=FINGERPRINT, chunk_ids=(chunk("a").id,), births=(1, 4)),),
        blobs=("0" * 64,),
        vectors=("1" * 64,),
        settles_at=at(9),
    )
    noted = replace(
        erasure(),
        state=ErasureState.DONE,
        plan=plan,
        removal=Removal(removed={"chunks": 2}, shared={"blobs": 1}, notes=("a note",)),
        probes={"chunks": 0},
        finished_at=at(8),
        receipt="{}",
        signature="s",
        public_key="k",
    )
    await request(catalog)

    async with catalog.writing() as tx:
        await tx.erasures.note(SYSTEM, noted)
        assert await tx.erasures.get(SYSTEM, noted.id) == noted
        assert (await tx.erasures.list(SYSTEM, PageRequest())).items == [noted]
        assert await tx.erasures.known([noted.id, ErasureId("absent")]) == {noted.id: noted}


async def test_a_hidden_document_is_nowhere_for_callers(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.reading() as tx:
        for call in (
            tx.documents.get(READER, DOCUMENT),
            tx.documents.parsed(READER, DOCUMENT, 1),
            tx.files.get(UPLOADER, (await tx.documents.revision(SYSTEM, DOCUMENT, 1)).file_id),
        ):
            with pytest.raises(NotFound):
                await call
        assert await tx.chunks.passages(READER, CORPUS, 1, [chunk("a").id, chunk("b").id]) != {}
        assert await tx.chunks.passages(READER, CORPUS, 1, [chunk("a").id]) == {}
        assert [one.id for one in (await tx.files.list(UPLOADER, PageRequest())).items] == ["file_b"]


async def test_even_with_rights_a_hidden_document_stays_hidden(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, DOCUMENT, frozenset({EVERYONE}))
        with pytest.raises(NotFound):
            await tx.documents.get(READER, DOCUMENT)


async def test_hiding_cancels_jobs_and_takes_changes_out_of_open_drafts(catalog: SqlCatalog) -> None:
    automatic = await upload(catalog, "a", 2)
    held = await hold(catalog, "a", 3, is_prepared=False)

    await request(catalog)

    async with catalog.reading() as tx:
        assert await tx.drafts.changes(SYSTEM, automatic) == []
        assert await tx.drafts.changes(SYSTEM, held) == []
        assert {job.state for job in await tx.jobs.of_subject(SYSTEM, "doc_a/2")} == {JobState.CANCELLED}
        assert {job.state for job in await tx.jobs.of_subject(SYSTEM, "doc_b/1")} == {JobState.QUEUED}


async def test_the_key_of_a_hidden_document_is_free(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.reading() as tx:
        assert await tx.uploads.known(SYSTEM, CORPUS, ["a.md"]) == {}


async def test_a_hidden_corpus_is_nowhere_and_its_name_is_free(catalog: SqlCatalog) -> None:
    asked = erasure(ErasureKind.CORPUS, corpus_id=CORPUS)
    async with catalog.writing() as tx:
        await tx.erasures.hide_corpus(SYSTEM, CORPUS, at(5))
        await tx.erasures.add(SYSTEM, asked, [tombstone(TombstoneKind.CORPUS, CORPUS)])

    async with catalog.reading() as tx:
        for ref in (CORPUS, "handbook"):
            with pytest.raises(NotFound):
                await tx.corpora.get(READER, ref)
        assert (await tx.corpora.list(READER, PageRequest())).items == []
        assert (await tx.corpora.get(SYSTEM, CORPUS)).name == CORPUS


async def test_a_tombstone_stands_where_something_was(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.reading() as tx:
        assert await tx.erasures.tombstone(SYSTEM, TombstoneKind.DOCUMENT, DOCUMENT) == tombstone()
        assert await tx.erasures.tombstone(SYSTEM, TombstoneKind.FILE, "file_a") is not None
        assert await tx.erasures.tombstone(SYSTEM, TombstoneKind.FILE, "file_b") is None
        assert await tx.erasures.tombstone(STRANGER, TombstoneKind.DOCUMENT, DOCUMENT) is None


async def test_a_document_goes_with_all_that_was_made_of_it(catalog: SqlCatalog) -> None:
    await request(catalog)

    removal, plan = await remove(catalog)

    expected = {
        "documents": 1,
        "revisions": 1,
        "revision_texts": 1,
        "chunks": 1,
        "memberships": 1,
        "files": 1,
        "jobs": 1,
    }
    assert {name: removal.removed[name] for name in expected} == expected
    assert plan.chunks == (ErasedChunks(fingerprint=FINGERPRINT, chunk_ids=(chunk("a").id,), births=(1,)),)
    async with catalog.reading() as tx:
        probes = await tx.erasures.probe(SYSTEM, replace(erasure(), plan=plan))
        assert set(probes.values()) == {0}
        assert await tx.versions.members(SYSTEM, CORPUS, 1) == {member("b")}


async def test_before_it_goes_probes_find_it(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.reading() as tx:
        probes = await tx.erasures.probe(SYSTEM, erasure())

    found = {name for name, count in probes.items() if count}
    assert found == {"documents", "revisions", "revision_texts", "chunks", "memberships", "files", "draft_changes"}


async def test_versions_are_counted_anew(catalog: SqlCatalog) -> None:
    await request(catalog)

    await remove(catalog)

    async with catalog.reading() as tx:
        version = await tx.versions.get(SYSTEM, CORPUS, 1)
        table = await tx.versions.frequencies(SYSTEM, CORPUS, 1, FINGERPRINT)
        corpus = await tx.corpora.get(SYSTEM, CORPUS)
    assert (version.document_count, version.chunk_count, corpus.erasures) == (1, 1, 1)
    assert (table.chunk_count, table.terms.tolist(), table.counts.tolist()) == (1, [7, 2**32 - 1], [1, 1])


async def test_nothing_goes_when_versions_were_counted_from_something_else(catalog: SqlCatalog) -> None:
    await request(catalog)
    made = await rewriting(catalog)
    await prepare(catalog, "a", ordinal=1)

    with pytest.raises(SlotTaken):
        await remove(catalog, rewriting=made)

    async with catalog.reading() as tx:
        assert (await tx.documents.get(SYSTEM, DOCUMENT)).id == DOCUMENT


async def test_bytes_and_vectors_of_another_document_stay(catalog: SqlCatalog) -> None:
    vector = np.array([1.0, 2.0], np.float32)
    await catalog.kept_vectors.keep(OURS, "model", {chunk("a").embedded_sha256: vector})
    await request(catalog)

    removal, plan = await remove(catalog)

    assert removal.shared == {"files": 0, "blobs": 1, "kept_vectors": 1}
    assert (plan.blobs, plan.vectors) == ((), ())
    assert await catalog.kept_vectors.find(OURS, "model", [chunk("b").embedded_sha256]) != {}


async def test_vectors_of_texts_without_chunks_are_swept_in_one_tenant(catalog: SqlCatalog) -> None:
    vector, stray = np.array([1.0, 2.0], np.float32), "ab" * 32
    await catalog.kept_vectors.keep(OURS, "model", {chunk("a").embedded_sha256: vector, stray: vector})
    await catalog.kept_vectors.keep(STRANGER.tenant_id, "model", {stray: vector})

    async with catalog.writing() as tx:
        removal = await tx.erasures.remove_strayed_vectors(SYSTEM)

    assert removal.removed == {"kept_vectors": 1}
    assert await catalog.kept_vectors.find(OURS, "model", [chunk("a").embedded_sha256]) != {}
    assert await catalog.kept_vectors.find(STRANGER.tenant_id, "model", [stray]) != {}


async def test_a_corpus_goes_when_its_documents_are_gone(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.versions.label(SYSTEM, CORPUS, "signed", 1, START)
        await tx.erasures.add(SYSTEM, erasure(), [])
        for document_id in await tx.erasures.documents_of(SYSTEM, CORPUS, limit=5):
            await tx.erasures.remove_document(SYSTEM, tombstone(ref=document_id), None)
        removal = await tx.erasures.remove_corpus(SYSTEM, CORPUS)

    counted = {"corpora": 1, "versions": 1, "document_frequencies": 1, "version_labels": 1, "publications": 1}
    assert {name: removal.removed[name] for name in counted} == counted
    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.corpora.get(SYSTEM, CORPUS)
        probes = await tx.erasures.probe(SYSTEM, erasure(ErasureKind.CORPUS, corpus_id=CORPUS))
    assert set(probes.values()) == {0}


async def test_the_files_of_the_database_can_be_tidied_while_it_is_in_use(
    catalog: SqlCatalog, catalog_url: str
) -> None:
    await request(catalog)
    await remove(catalog)

    notes = await catalog.compact()

    assert notes == (() if catalog_url.startswith("sqlite") else (LEFT_TO_POSTGRESQL,))


async def test_erasures_and_tombstones_of_others_look_like_none(catalog: SqlCatalog) -> None:
    await request(catalog)

    async with catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.erasures.get(STRANGER, erasure().id)
        assert (await tx.erasures.list(STRANGER, PageRequest())).items == []
