"""A model or an endpoint returns vectors that would spoil the index: they are refused, with a reason on the job."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ingestion.bootstrap import Worker, worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope
from rag_service.domain.fingerprints import digest_of
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, JobState
from rag_service.domain.pages import PageRequest
from rag_service.domain.spans import sha256_of
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import Misconfigured, RagError
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.search import SearchResult
from rag_service.use_cases.searching.options import SearchOptions
from tests.integration.desk import DOCUMENTS, Desk

pytestmark = pytest.mark.slow

DIMENSIONS = 16
Spoil = Callable[[DenseVector], DenseVector]

NOT_UNIT: dict[str, Spoil] = {
    "NaN": lambda vector: vector * np.float32("nan"),
    "an infinity": lambda vector: np.where(vector == vector.max(), np.float32("inf"), vector),
    "zero": np.zeros_like,
    "not normalised": lambda vector: vector * np.float32(1e30),
}
WRONG_SHAPE: dict[str, Spoil] = {
    "too short": lambda vector: vector[..., :-1],
    "too long": lambda vector: np.concatenate([vector, vector], axis=-1),
    "none": lambda vector: vector[..., :0],
}
BAD = NOT_UNIT | WRONG_SHAPE


@dataclass
class Model:
    """What the model does to the vectors it should return, and to texts with which word; "" for all."""

    spoil: Spoil | None = None
    word: str = ""

    def after(self, text: str, vector: DenseVector) -> DenseVector:
        return self.spoil(vector) if self.spoil and self.word in text else vector


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made, right = Model(), HashingEmbedder._vector
    monkeypatch.setattr(HashingEmbedder, "_vector", lambda self, text: made.after(text, right(self, text)))
    return made


@pytest.fixture
async def desk(migrated_dir: Path) -> AsyncIterator[Desk]:
    settings = Settings(
        data_dir=migrated_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=DIMENSIONS),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0, max_attempts=1),
    )
    async with open_container(settings) as container, worker_over(container) as worker:
        first = await container.keys.create_first(TenantId("tenant"), "tenant")
        assert first is not None
        made = Desk(worker=worker, admin=first[0].scope())
        await container.create_corpus(made.admin, name=made.corpus)
        yield made


async def preparations(desk: Desk) -> list[Job]:
    async with desk.worker.container.catalog.reading() as tx:
        listed = await tx.jobs.list(desk.admin, PageRequest(limit=50), kind=JobKind.PREPARE_REVISION)
    return list(listed.items)


async def kept(worker: Worker, admin: AccessScope, text: str) -> dict[str, DenseVector]:
    parts = worker.container
    return await parts.kept_vectors.find(admin.tenant_id, digest_of(parts.embedder.fingerprint), [sha256_of(text)])


@pytest.mark.parametrize("how", BAD)
async def test_bad_vectors_of_passages_reach_neither_index_nor_store(desk: Desk, model: Model, how: str) -> None:
    model.spoil = BAD[how]

    await desk.publish(DOCUMENTS)

    assert {job.state for job in await preparations(desk)} <= {JobState.WAITING, JobState.DEAD}
    assert all("The embedding model returned" in (job.detail or "") for job in await preparations(desk))
    assert await kept(desk.worker, desk.admin, DOCUMENTS["a"]) == {}
    assert await desk.worker.container.index.builds() == {}


@pytest.mark.parametrize("how", NOT_UNIT)
async def test_a_text_with_which_the_model_fails_keeps_no_other_waiting(desk: Desk, model: Model, how: str) -> None:
    model.spoil, model.word = NOT_UNIT[how], "Bananas"

    await desk.publish(DOCUMENTS)

    assert await desk.texts() == {DOCUMENTS["a"], DOCUMENTS["c"]}
    states = [job.state for job in await preparations(desk)]
    assert sorted(states) == [JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.WAITING]


async def whole_search(desk: Desk) -> SearchResult:
    return await desk.worker.container.search(
        desk.admin, corpus=desk.corpus, query="Are bananas yellow?", options=SearchOptions(limit=10)
    )


@pytest.mark.parametrize("how", WRONG_SHAPE)
async def test_a_query_vector_of_another_size_is_an_error_and_no_answer(desk: Desk, model: Model, how: str) -> None:
    await desk.publish(DOCUMENTS)
    model.spoil = BAD[how]

    with pytest.raises(Misconfigured, match="The embedding model returned"):
        await whole_search(desk)


@pytest.mark.parametrize("how", NOT_UNIT)
async def test_with_a_spoilt_query_vector_words_alone_are_looked_for(desk: Desk, model: Model, how: str) -> None:
    await desk.publish(DOCUMENTS)
    model.spoil = BAD[how]

    found = await whole_search(desk)

    assert found.degraded == ("embedding",)
    assert [(one.text, one.dense_score) for one in found.passages] == [(DOCUMENTS["b"], 0.0)]


@pytest.mark.parametrize("how", NOT_UNIT)
async def test_a_spoilt_query_vector_is_not_kept(desk: Desk, model: Model, how: str) -> None:
    await desk.publish(DOCUMENTS)
    model.spoil = BAD[how]
    await whole_search(desk)

    model.spoil = None
    found = await whole_search(desk)

    assert found.degraded == () and {one.text for one in found.passages} == set(DOCUMENTS.values())


async def test_one_vector_too_few_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HashingEmbedder.embed_passages

    async def all_but_one(self: HashingEmbedder, texts: list[str]) -> DenseVector:
        return (await whole(self, texts))[:-1]

    monkeypatch.setattr(HashingEmbedder, "embed_passages", all_but_one)

    with pytest.raises(RagError, match="instead of"):
        await desk.worker.container.embedder.embed_passages(["one", "two"])


@pytest.mark.parametrize("how", BAD)
async def test_a_kept_vector_that_the_disk_spoilt_is_computed_again(desk: Desk, how: str) -> None:
    parts, text = desk.worker.container, DOCUMENTS["a"]
    right = await parts.embedder.embed_query(text)
    bad = {sha256_of(text): BAD[how](right)}
    await parts.kept_vectors.keep(desk.admin.tenant_id, digest_of(parts.embedder.fingerprint), bad)

    [vector] = await desk.worker.vectors.embed(desk.admin.tenant_id, [text])

    assert np.array_equal(vector, right)
