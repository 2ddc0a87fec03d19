"""Runs an exported model with ONNX Runtime: a third of torch's time for a query, and no torch in memory."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import structlog

from rag_service.embedding.lanes import Encode
from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.onnx_files import BACKEND, graph_file, is_intact
from rag_service.embedding.tokens import model_tokenizer
from rag_service.errors import EmbedderUnavailable, Misconfigured
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

if TYPE_CHECKING:
    import onnxruntime

log = structlog.get_logger()

_BATCH_TOKENS = 256
"""A batch whose layers stay in a core's own cache: 1,024 tokens take a fifth more time for each token."""

_EXPORT = "rag_service.embedding.onnx_export"
_EXPORT_TIMEOUT_S = 600
_ONLY_WARNINGS = 2


class OnnxRuntime:
    """ModelRuntime by ONNX Runtime on the CPU. A model that has no graph yet is exported first, by a child process."""

    name = BACKEND

    def __init__(self) -> None:
        self._graph: Path | None = None
        self._ensuring = threading.Lock()

    def parallel_batches(self, settings: EmbeddingSettings) -> int:
        """One for each thread: small batches side by side stay in the caches and wait for nobody."""
        return settings.threads or os.cpu_count() or 1

    def batch_tokens(self, settings: EmbeddingSettings) -> int:
        """Few: each batch runs on one core."""
        return _BATCH_TOKENS

    def load(self, settings: EmbeddingSettings, folder: ModelFolder, *, for_one: bool) -> Encode:
        # One for queries and one for passages load at the same time: one of them hashes the graph, or has it written.
        with self._ensuring:
            if self._graph is None:
                self._graph = ensured_graph(settings, folder)
        return encoding_with(self._graph, folder, threads=settings.threads if for_one else 1)


def ensured_graph(settings: EmbeddingSettings, folder: ModelFolder) -> Path:
    """Return the file of the model's graph, exported if it is not there yet.

    Raises:
        Misconfigured: it cannot be exported with these settings.
        EmbedderUnavailable: the export took too long.
    """
    graph = graph_file(settings, folder)
    if not is_intact(graph):
        log.info("embedding_model_export", file=str(graph))
        _export()
    return graph


def encoding_with(graph: Path, folder: ModelFolder, *, threads: int) -> Encode:
    """Return the function that embeds a batch by the graph, with `threads` threads; 0 leaves it to the library.

    Raises:
        EmbedderUnavailable: the graph cannot be read.
    """
    session = open_session(graph, threads=threads)
    tokenizer = model_tokenizer(folder)
    tokenizer.enable_truncation(folder.max_tokens)
    padding = tokenizer.padding or {}
    tokenizer.enable_padding(pad_id=padding.get("pad_id", 0), pad_token=padding.get("pad_token", "[PAD]"))

    def encode(texts: Sequence[str]) -> DenseVector:
        encodings = tokenizer.encode_batch_fast(list(texts))
        inputs = {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
        }
        return cast("DenseVector", session.run(["sentence_embedding"], inputs)[0])

    return encode


def open_session(graph: Path | bytes, *, threads: int) -> "onnxruntime.InferenceSession":
    """Return what runs a graph, of a file or in memory, with `threads` threads; 0 leaves it to the library.

    Raises:
        EmbedderUnavailable: the graph cannot be read.
    """
    import onnxruntime  # noqa: PLC0415  (a process that embeds nothing goes without)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ONLY_WARNINGS
    # Threads that wait for work by spinning take the cores from everything else in a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # the library's errors have no class of their own above this one
        place = "in memory" if isinstance(graph, bytes) else graph
        raise EmbedderUnavailable(f"The embedding model's graph {place} cannot be loaded.") from exc


def _export() -> None:
    """Run the export with the settings of this process's environment."""
    try:
        subprocess.run(  # noqa: S603  (our own module)
            [sys.executable, "-m", _EXPORT], check=True, capture_output=True, text=True, timeout=_EXPORT_TIMEOUT_S
        )
    except subprocess.CalledProcessError as exc:
        raise Misconfigured(f"The embedding model cannot be exported. {_last_line(exc.stderr)}") from exc
    except subprocess.TimeoutExpired as exc:
        raise EmbedderUnavailable("Exporting the embedding model took too long.") from exc


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")
