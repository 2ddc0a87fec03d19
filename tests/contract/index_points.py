"""Points, queries and scopes for the tests of every vector index."""

import uuid
from collections.abc import Sequence

import numpy as np
import pytest

from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint, PointId, TenantId
from rag_service.domain.versions import OPEN
from rag_service.ports.vector_index import Candidate, Point, PointState, VectorIndex, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector

DIMENSIONS = 8
TENANT = TenantId("acme")
CORPUS = CorpusId("handbook")


def scope(
    *principals: str, tenant: str = TENANT, corpora: frozenset[CorpusId] | None = None, sees_all: bool = False
) -> AccessScope:
    return AccessScope(
        tenant_id=TenantId(tenant),
        principals=frozenset({EVERYONE, *principals}),
        permissions=frozenset(),
        corpora=corpora,
        sees_all_documents=sees_all,
    )


TEAM = scope()


def point_id(name: str) -> PointId:
    return PointId(str(uuid.uuid5(uuid.NAMESPACE_OID, name)))


def sparse(terms: dict[int, float]) -> SparseVector:
    ordered = sorted(terms.items())
    return SparseVector(
        indices=np.array([term for term, _ in ordered], dtype=np.uint32),
        values=np.array([value for _, value in ordered], dtype=np.float32),
    )


def dense(name: str) -> DenseVector:
    """A vector that depends on nothing but `name`."""
    seed = int.from_bytes(uuid.uuid5(uuid.NAMESPACE_OID, name).bytes[:8], "big")
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def point(
    name: str,
    *,
    tenant: str = TENANT,
    corpus: str = CORPUS,
    principals: frozenset[str] = frozenset({EVERYONE}),
    born: int = 1,
    died: int = OPEN,
    vector: DenseVector | None = None,
    terms: dict[int, float] | None = None,
) -> Point:
    return Point(
        id=point_id(name),
        tenant_id=TenantId(tenant),
        corpus_id=CorpusId(corpus),
        document_id=DocumentId(f"doc-{name}"),
        chunk_id=ChunkId(name),
        principals=principals,
        born=born,
        died=died,
        dense=dense(name) if vector is None else vector,
        sparse=sparse({1: 1.0, 2: 0.5} if terms is None else terms),
    )


def points(prefix: str, count: int) -> list[Point]:
    return [point(f"{prefix}{number}", terms={1 + number % 5: 1.0}) for number in range(count)]


def query(vector: DenseVector | None = None, terms: dict[int, float] | None = None) -> QueryVectors:
    return QueryVectors(
        dense=dense("query") if vector is None else vector, sparse=sparse({1: 2.0} if terms is None else terms)
    )


async def found(
    index: VectorIndex,
    build: str,
    *,
    asked: QueryVectors | None = None,
    by: AccessScope = TEAM,
    corpus: str = CORPUS,
    version: int = 1,
    limit: int = 100,
    exact: bool = False,
) -> list[Candidate]:
    among = Visible(scope=by, corpus_id=CorpusId(corpus), version=version)
    return await index.search(build, asked or query(), among=among, limit=limit, exact=exact)


async def found_among(index: VectorIndex, build: str, *documents: str) -> list[str]:
    """The chunks that a search finds in documents."""
    names = frozenset(DocumentId(name) for name in documents)
    among = Visible(scope=TEAM, corpus_id=CorpusId(CORPUS), version=1, documents=names)
    return chunks(await index.search(build, query(), among=among, limit=100))


def chunks(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.chunk_id for candidate in candidates]


async def listed(index: VectorIndex, build: str, *, corpus: str = CORPUS, born_after: int = -1) -> list[PointState]:
    pages = index.states(Fingerprint(build), corpus_id=CorpusId(corpus), born_after=born_after)
    return [state async for page in pages for state in page]


def assert_same(one: list[Candidate], other: list[Candidate]) -> None:
    assert chunks(one) == chunks(other)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.dense_score == pytest.approx(theirs.dense_score, abs=1e-5)
        assert mine.sparse_score == pytest.approx(theirs.sparse_score, abs=1e-4)
