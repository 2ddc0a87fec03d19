"""Rows whose vectors were given are published without being embedded."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.given_vectors import GivenVector, read_given
from rag_service.domain.rows import Row
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import EmbedderUnavailable, InvalidRequest, NotFound
from rag_service.ports.vectors import DenseVector
from tests.integration.desk import Desk
from tests.integration.erasing import kept_vector_count
from tests.made_rows import made_rows, made_text

CORPUS = "rows"


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    await worker.container.create_corpus(admin, name=CORPUS)
    return Desk(worker=worker, admin=admin, corpus=CORPUS)


def given(row: Row, vector: Sequence[float], **more: Any) -> GivenVector:
    line = json.dumps({"id": row.id, "title": row.title, "text": row.text, "vector": list(vector), **more})
    return read_given(line, f"line {row.id}")


def pointing(place: int) -> list[float]:
    vector = [0.0] * 384
    vector[place] = 2.0
    return vector


async def keep(desk: Desk, vectors: Sequence[GivenVector]) -> list[bool]:
    return await desk.worker.container.keep_given_vectors(desk.admin, corpus=CORPUS, given=vectors)


async def _refuse(_self: HashingEmbedder, texts: Sequence[str]) -> DenseVector:
    raise EmbedderUnavailable(f"{len(texts)} texts were to be embedded.")


async def test_nothing_is_embedded_of_rows_with_vectors(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made_rows(range(30))
    monkeypatch.setattr(HashingEmbedder, "embed_passages", _refuse)

    kept = await keep(desk, [given(row, pointing(number)) for number, row in enumerate(rows)])
    await desk.worker.container.uploads.accept_rows(desk.admin, corpus=CORPUS, rows=rows)
    await desk.work_off()

    assert kept == [True] * 30
    pages = [page async for page in desk.worker.container.index.points(desk.worker.container.build.digest)]
    assert sorted(int(np.argmax(point.dense)) for page in pages for point in page) == list(range(30))


async def test_a_row_of_several_chunks_is_embedded(desk: Desk) -> None:
    long = Row(id="long", title="", text=made_text(1, sentences=60))

    assert await keep(desk, [given(long, pointing(0)), given(made_rows([2])[0], pointing(1))]) == [False, True]


async def test_of_vectors_with_one_that_cannot_be_used_none_is_kept(desk: Desk) -> None:
    fine, other = made_rows(range(2))

    with pytest.raises(InvalidRequest, match="line row-1: the vector has 2 dimensions"):
        await keep(desk, [given(fine, pointing(0)), given(other, [1.0, 0.0])])

    assert await kept_vector_count(desk) == 0


async def test_a_key_that_may_only_upload_gives_no_vectors(desk: Desk) -> None:
    may = frozenset({Permission.UPLOAD})
    scope = AccessScope(tenant_id=desk.admin.tenant_id, principals=frozenset(), permissions=may, corpora=None)

    with pytest.raises(NotFound):
        await desk.worker.container.keep_given_vectors(scope, corpus=CORPUS, given=[])
