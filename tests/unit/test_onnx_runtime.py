"""When a model's graph is looked for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag_service.embedding import onnx_runtime
from rag_service.embedding.model_folder import PACKAGED_MODEL, ModelFolder
from rag_service.embedding.onnx_files import graph_file, mark_intact
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings


def _nothing(texts: Sequence[str]) -> DenseVector:
    return np.zeros((len(texts), 1), dtype=np.float32)


async def test_a_missing_graph_is_exported_once_for_queries_and_passages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder = EmbeddingSettings(onnx_dir=str(tmp_path)), ModelFolder(PACKAGED_MODEL)
    graph, exports = graph_file(settings, folder), []

    def export() -> None:
        exports.append(graph)
        graph.write_bytes(b"graph")
        mark_intact(graph, graph)

    monkeypatch.setattr(onnx_runtime, "_export", export)
    monkeypatch.setattr(onnx_runtime, "encoding_with", lambda *_, **__: _nothing)
    runtime = onnx_runtime.OnnxRuntime()

    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda for_one: runtime.load(settings, folder, for_one=for_one), [True, False]))

    assert exports == [graph]
