"""A million chunks out of some thousand real ones: their vectors mixed and with seeded noise, their sentences resampled.

Each chunk has most of its sentences from one paragraph and the rest from another; its vector is the same mixture of the
vectors of both, and noise. Who may see it, and from which version on, depends on neither: filters that have nothing to
do with what is near are the hard case of every graph.
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.versions import OPEN
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.local import LocalEmbedder
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vector_index import Point
from rag_service.ports.vectors import QueryVectors, SparseVector
from rag_service.settings import EmbeddingSettings
from tests.bench.texts import questions, rows

TENANT, CORPUS = TenantId("bench"), CorpusId("million")
VERSIONS = 1000
"""Chunks are born at versions 1 to 1,000, as many at each: at version v a share of v / 1,000 is visible."""

SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""For each there is a group that may see this share of the chunks."""

_BASE = 5_000
_QUESTIONS = 1_000
_NOISE = 0.4
_LEAST_WEIGHT = 0.55
_SEED = 20_261_123
_BLOCK = 10_000


def group_of(share: float) -> str:
    """Return the name of the group that sees a share of the chunks."""
    return f"sees {share:g}"


@dataclass(frozen=True, kw_only=True, eq=False)
class MadeChunks:
    """Chunks in columns. `terms` and `weights` are cut by `starts`; `groups[i, j]`: chunk i is seen by group j."""

    dense: NDArray[np.float32]
    starts: NDArray[np.int64]
    terms: NDArray[np.uint32]
    weights: NDArray[np.float32]
    born: NDArray[np.int64]
    groups: NDArray[np.bool_]

    def points(self, start: int, end: int) -> list[Point]:
        """Return the points of chunks `start` to `end`."""
        return [self._point(at) for at in range(start, end)]

    def frequencies(self, count: int) -> DocumentFrequencies:
        """Return in how many of the first `count` chunks each term occurs."""
        terms, counts = np.unique(self.terms[: self.starts[count]], return_counts=True)
        return DocumentFrequencies(chunk_count=count, terms=terms, counts=counts.astype(np.uint32))

    def _point(self, at: int) -> Point:
        own = slice(self.starts[at], self.starts[at + 1])
        name = chunk_name(at)
        return Point(
            id=PointId(name),
            tenant_id=TENANT,
            corpus_id=CORPUS,
            document_id=DocumentId(f"doc_{at // 8}"),
            chunk_id=ChunkId(name),
            principals=frozenset(group_of(share) for share, sees in zip(SHARES, self.groups[at], strict=True) if sees),
            born=int(self.born[at]),
            died=OPEN,
            dense=self.dense[at],
            sparse=SparseVector(indices=self.terms[own], values=self.weights[own]),
        )


def chunk_name(at: int) -> str:
    """Return the id of a chunk, in order of its number."""
    return str(UUID(int=at))


def made_chunks(count: int, cache: Path) -> MadeChunks:
    """Return `count` chunks, always the same; made once, then read from `cache`: about 2.2 GB for a million."""
    folder = cache / f"chunks-{count}"
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(count, folder, _base(cache))
        (folder / "ready").touch()
    return MadeChunks(
        dense=np.load(folder / "dense.npy", mmap_mode="r"),
        **{name: np.load(folder / f"{name}.npy") for name in ("starts", "terms", "weights", "born", "groups")},
    )


def question_vectors(cache: Path) -> NDArray[np.float32]:
    """Return vectors of real questions about the paragraphs that the chunks are made of; embedded once."""
    file = cache / "questions.npy"
    if not file.exists():
        np.save(file, asyncio.run(_embedded_questions(questions(_QUESTIONS))))
    vectors: NDArray[np.float32] = np.load(file)
    return vectors


def queries_of(vectors: NDArray[np.float32], frequencies: DocumentFrequencies) -> list[QueryVectors]:
    """Return the questions as a corpus of these frequencies is asked."""
    encoder = Bm25Encoder()
    return [
        QueryVectors(dense=vector, sparse=encoder.encode_query(text, frequencies))
        for text, vector in zip(questions(len(vectors)), vectors, strict=True)
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Base:
    sentences: list[list[str]]
    vectors: NDArray[np.float32]


def _base(cache: Path) -> _Base:
    texts = [row.text for row in rows(_BASE)]
    file = cache / f"base-{len(texts)}.npy"
    if not file.exists():
        np.save(file, asyncio.run(LocalEmbedder(EmbeddingSettings(), OnnxRuntime()).embed_passages(texts)))
    return _Base(
        sentences=[[text[span.start : span.end] for span in sentence_spans(text)] for text in texts],
        vectors=np.load(file),
    )


async def _embedded_questions(texts: Sequence[str]) -> NDArray[np.float32]:
    embedder = LocalEmbedder(EmbeddingSettings(), OnnxRuntime())
    return np.stack([await embedder.embed_query(text) for text in texts])


def _make(count: int, folder: Path, base: _Base) -> None:
    generator = np.random.default_rng(_SEED)
    pairs = generator.integers(0, len(base.sentences), size=(count, 2))
    shares = generator.uniform(_LEAST_WEIGHT, 1.0, size=count).astype(np.float32)
    np.save(folder / "born.npy", generator.integers(1, VERSIONS + 1, size=count))
    np.save(folder / "groups.npy", generator.random((count, len(SHARES)), dtype=np.float32) < np.array(SHARES))
    _write_dense(folder / "dense.npy", base.vectors, pairs, shares)
    _write_sparse(folder, _texts(base.sentences, pairs, shares))


def _write_dense(
    file: Path, vectors: NDArray[np.float32], pairs: NDArray[np.int64], shares: NDArray[np.float32]
) -> None:
    dense = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(len(pairs), vectors.shape[1]))
    generator = np.random.default_rng(_SEED + 1)
    for start in range(0, len(pairs), _BLOCK):
        block, share = pairs[start : start + _BLOCK], shares[start : start + _BLOCK, None]
        noise = generator.standard_normal((len(block), vectors.shape[1]), dtype=np.float32)
        mixed = share * vectors[block[:, 0]] + (1 - share) * vectors[block[:, 1]]
        mixed += noise * (_NOISE / np.sqrt(vectors.shape[1]))
        dense[start : start + len(block)] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    dense.flush()


def _texts(sentences: Sequence[Sequence[str]], pairs: NDArray[np.int64], shares: NDArray[np.float32]) -> Iterator[str]:
    generator = np.random.default_rng(_SEED + 2)
    for (first, second), share in zip(pairs.tolist(), shares.tolist(), strict=True):
        sizes = round(share * len(sentences[first])) or 1, round((1 - share) * len(sentences[second]))
        picked = [
            [from_[at] for at in generator.integers(0, len(from_), size=size)]
            for from_, size in zip((sentences[first], sentences[second]), sizes, strict=True)
        ]
        yield " ".join(picked[0] + picked[1])


def _write_sparse(folder: Path, texts: Iterator[str]) -> None:
    blocks = iter(lambda: list(islice(texts, _BLOCK)), [])
    with ProcessPoolExecutor() as processes:
        encoded = list(processes.map(_encoded, blocks))
    lengths, terms, weights = (np.concatenate([block[part] for block in encoded]) for part in range(3))
    np.save(folder / "starts.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
    np.save(folder / "terms.npy", terms)
    np.save(folder / "weights.npy", weights)


def _encoded(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
    encoder = Bm25Encoder()
    vectors = [encoder.encode_passage(text) for text in texts]
    return (
        np.array([vector.indices.size for vector in vectors]),
        np.concatenate([vector.indices for vector in vectors]),
        np.concatenate([vector.values for vector in vectors]),
    )
