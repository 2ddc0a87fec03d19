"""Search in the twelve languages of XQuAD: `python -m tests.bench.languages [LANGUAGE …]`.

Prints nDCG@10 and recall@10 of keywords (BM25), of the packaged embedding model, and of both as the service fuses them,
over the same chunks, scanned exactly. `--words` leaves the model out, which takes nearly all of the time.
"""

import argparse
import asyncio
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.datasets.cases import Query
from eval.datasets.folders import read_queries, read_texts
from eval.metrics import ranking
from eval.metrics.scores import mean_of
from ingestion.chunking.chunker import Chunker
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.records.row import parse_row
from rag_service.domain.documents import embedded_text
from rag_service.domain.ids import ChunkId, DocumentId, Fingerprint, PointId
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.local import LocalEmbedder
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.ports.sparse_encoder import frequencies_of
from rag_service.ports.vector_index import Candidate
from rag_service.ports.vectors import DenseVector, SparseVector
from rag_service.retrieval.fusion import fuse
from rag_service.settings import ChunkingSettings, EmbeddingSettings, RetrievalSettings
from rag_service.use_cases.searching.affinity import affinity, looked_at, reordered

XQUAD = Path(__file__).resolve().parents[3] / "shared" / "data" / "xquad"
_QUERIES = 600
_SHOWN = 10
_Scores = NDArray[np.float32]
"""Shape (queries, chunks)."""


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    sys.stdout.write("| language | keywords nDCG@10 | recall@10 | model | recall@10 | both | recall@10 |\n")
    for language in arguments.languages or sorted(
        folder.name for folder in arguments.data.iterdir() if folder.is_dir()
    ):
        figures = _figures(arguments.data / language, words_only=arguments.words)
        sys.stdout.write(f"| {language} | {' | '.join(f'{figure:.3f}' for figure in figures)} |\n")
        sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.languages", description=__doc__)
    parser.add_argument("languages", nargs="*")
    parser.add_argument("--words", action="store_true")
    parser.add_argument("--data", type=Path, default=XQUAD)
    return parser.parse_args()


def _figures(folder: Path, *, words_only: bool) -> list[float]:
    embedder = LocalEmbedder(EmbeddingSettings(), OnnxRuntime())
    documents, texts = _chunks(folder, embedder)
    queries = read_queries(folder, limit=_QUERIES)
    sparse = _sparse_scores(texts, queries)
    figures = _quality(documents, queries, sparse)
    if not words_only:
        asked, passages = asyncio.run(_dense_vectors(embedder, texts, queries))
        dense = np.asarray(asked @ passages.T, dtype=np.float32)
        served = _served(dense, sparse, passages)
        figures += _quality(documents, queries, dense) + _quality(documents, queries, served)
    return figures


def _chunks(folder: Path, embedder: LocalEmbedder) -> tuple[list[str], list[str]]:
    """Return document and embedded text of every chunk, cut as the service cuts rows."""
    chunker = Chunker(
        settings=ChunkingSettings(),
        count_tokens=embedder.count_tokens,
        max_tokens=embedder.fingerprint.max_tokens,
    )
    found = []
    for row in read_texts(folder):
        content = json.dumps({"title": row.title, "text": row.text}).encode()
        parsed = parse_row(io.BytesIO(content), ParsingLimits())
        cut = chunker.chunks(parsed, build=Fingerprint("bench"), document_id=DocumentId(row.id), revision=1)
        found += [(row.id, embedded_text(chunk.headings, chunk.text)) for chunk in cut]
    return [document for document, _ in found], [text for _, text in found]


def _sparse_scores(texts: Sequence[str], queries: Sequence[Query]) -> _Scores:
    encoder = Bm25Encoder()
    passages = [encoder.encode_passage(text) for text in texts]
    frequencies = frequencies_of(passages)
    asked = [encoder.encode_query(query.text, frequencies) for query in queries]
    terms = frequencies.terms
    return _matrix(asked, terms) @ _matrix(passages, terms).T


def _matrix(vectors: Sequence[SparseVector], terms: NDArray[np.uint32]) -> _Scores:
    """Return the weights of `terms`, which are ascending, in each vector; shape (vectors, terms)."""
    rows = np.zeros((len(vectors), len(terms)), dtype=np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        known = np.isin(vector.indices, terms)
        row[np.searchsorted(terms, vector.indices[known])] = vector.values[known]
    return rows


async def _dense_vectors(
    embedder: LocalEmbedder, texts: Sequence[str], queries: Sequence[Query]
) -> tuple[DenseVector, DenseVector]:
    passages = await embedder.embed_passages(texts)
    return np.stack([await embedder.embed_query(query.text) for query in queries]), passages


def _served(dense: _Scores, sparse: _Scores, passages: DenseVector) -> _Scores:
    """Return the service's scores of the best candidates of both sides, 0 for others."""
    settings, served = RetrievalSettings(), np.zeros_like(dense)
    for row, of_dense, of_sparse in zip(served, dense, sparse, strict=True):
        best = {*np.argsort(-of_dense)[: settings.candidates], *np.argsort(-of_sparse)[: settings.candidates]}
        candidates = [_candidate(int(at), float(of_dense[at]), float(of_sparse[at])) for at in best]
        fused = fuse(candidates, dense_weight=settings.dense_weight)
        points = looked_at(fused)
        near = affinity(points, {point: passages[int(point)] for point in points})
        for candidate, score in reordered(fused, near, feedback_weight=settings.feedback_weight):
            row[int(candidate.chunk_id)] = score
    return served


def _candidate(at: int, dense: float, sparse: float) -> Candidate:
    return Candidate(point_id=PointId(str(at)), chunk_id=ChunkId(str(at)), dense_score=dense, sparse_score=sparse)


def _quality(documents: Sequence[str], queries: Sequence[Query], scores: _Scores) -> list[float]:
    """Return nDCG@10 and recall@10; what scores 0 or less is not found."""
    found = [
        ranking.documents_of(documents[at] for at in np.argsort(-row, kind="stable") if row[at] > 0) for row in scores
    ]
    pairs = [(each, query.grades) for each, query in zip(found, queries, strict=True)]
    figures = (
        mean_of("nDCG@10", [ranking.ndcg_at(each, grades, _SHOWN) for each, grades in pairs]),
        mean_of("recall@10", [ranking.recall_at(each, grades, _SHOWN) for each, grades in pairs]),
    )
    return [figure.value for figure in figures if figure.value is not None]


if __name__ == "__main__":
    main()
