"""The same work done with plain LlamaIndex: `VectorStoreIndex`, same model, same texts, one process of its own.

Prints one JSON object. It measures what a program of twenty lines does: read, split, embed, keep in memory, search.
"""

import json
import sys
import time

import numpy as np
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from pydantic import PrivateAttr
from sentence_transformers import SentenceTransformer

from rag_service.embedding.model_folder import packaged_folder
from tests.bench.texts import questions, rows

_CHUNK_TOKENS = 220


class MiniLM(BaseEmbedding):
    """The packaged model, called as LlamaIndex's own Hugging Face wrapper calls it."""

    _model: SentenceTransformer = PrivateAttr()

    def __init__(self) -> None:
        super().__init__(embed_batch_size=64)
        self._model = SentenceTransformer(str(packaged_folder()), device="cpu")

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False).tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def main(row_count: int, question_count: int) -> None:
    """Index, search, print."""
    model = MiniLM()
    documents = [Document(text=f"{row.title}\n{row.text}", id_=row.id) for row in rows(row_count)]
    splitter = SentenceSplitter(chunk_size=_CHUNK_TOKENS, chunk_overlap=0)
    started = time.perf_counter()
    nodes = splitter.get_nodes_from_documents(documents)
    index = VectorStoreIndex(nodes, embed_model=model)
    ingest_s = time.perf_counter() - started
    retriever = index.as_retriever(similarity_top_k=8)
    spent = [_timed(retriever.retrieve, question) for question in questions(question_count)]
    figures = {"chunks_per_s": len(nodes) / ingest_s, "search_ms": [1000 * second for second in spent]}
    figures["search_p50_ms"], figures["search_p95_ms"] = map(float, np.percentile(figures["search_ms"], [50, 95]))
    sys.stdout.write(json.dumps(figures))


def _timed(call: object, argument: str) -> float:
    started = time.perf_counter()
    call(argument)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
