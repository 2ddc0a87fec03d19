"""Where exported models lie, and whether a file is what was written."""

import sys
from pathlib import Path

from rag_service.domain.fingerprints import digest_of
from rag_service.embedding.file_hashes import sha256_of_file
from rag_service.embedding.local import fingerprint_of
from rag_service.embedding.model_folder import ModelFolder
from rag_service.settings import EmbeddingSettings

BACKEND = "onnx-1"
"""Names the way a model becomes a graph. Raise it when a graph would be written otherwise."""


def graph_file(settings: EmbeddingSettings, folder: ModelFolder) -> Path:
    """Return the place of a model's graph: in the Python environment, unless the settings name a folder."""
    where = Path(settings.onnx_dir) if settings.onnx_dir else Path(sys.prefix) / "share" / "rag-service"
    return where / f"{digest_of(fingerprint_of(folder, backend=BACKEND))}.onnx"


def is_intact(graph: Path) -> bool:
    """Say whether the graph is there and whole."""
    try:
        return _digest_file(graph).read_text(encoding="ascii") == sha256_of_file(graph)
    except OSError:
        return False


def mark_intact(graph: Path, written: Path) -> None:
    """Note the hash of what was written, to be known again when it has been moved to `graph`."""
    _digest_file(graph).write_text(sha256_of_file(written), encoding="ascii")


def _digest_file(graph: Path) -> Path:
    return graph.with_suffix(".sha256")
