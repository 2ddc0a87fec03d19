"""`python -m tests.bench.throughput.peers llama_index|txtai ROWS PORT`: the same texts in another library, behind FastAPI.

What its users would write: the library's own index and search in twenty lines, served by one process.
"""

import sys
import uuid
from collections.abc import Callable
from threading import Lock
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from rag_service.embedding.model_folder import packaged_folder
from tests.bench.texts import Row, rows

FOUND = 8
Find = Callable[[str], list[str]]


class Asked(BaseModel):
    """A search."""

    query: str


def main() -> None:
    """Index, then serve."""
    find = {"llama_index": _llama_index, "txtai": _txtai}[sys.argv[1]](rows(int(sys.argv[2])))
    app = FastAPI()

    # Not async: FastAPI runs it in its threads, where neither library stops the event loop.
    @app.post("/search")
    def search(asked: Asked) -> dict[str, Any]:
        return {"data": find(asked.query)}

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning")


def _llama_index(texts: list[Row]) -> Find:
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    from tests.bench.llama_index_peer import MiniLM

    store = QdrantVectorStore(collection_name="bench", client=QdrantClient(":memory:"))
    nodes = [TextNode(text=f"{row.title}\n{row.text}", id_=_uuid(row)) for row in texts]
    storage = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(nodes, embed_model=MiniLM(), storage_context=storage)
    retriever = index.as_retriever(similarity_top_k=FOUND)
    return lambda query: [hit.text for hit in retriever.retrieve(query)]


def _txtai(texts: list[Row]) -> Find:
    from txtai import Embeddings

    embeddings = Embeddings(path=str(packaged_folder()), hybrid=True, content=True)
    embeddings.index((row.id, f"{row.title}\n{row.text}", None) for row in texts)
    one_at_a_time = Lock()  # its SQLite cursor is not for two threads

    def find(query: str) -> list[str]:
        with one_at_a_time:
            return [hit["text"] for hit in embeddings.search(query, FOUND)]

    return find


def _uuid(row: Row) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, row.id))


if __name__ == "__main__":
    main()
