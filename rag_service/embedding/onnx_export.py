"""`python -m rag_service.embedding.onnx_export`: write the embedding model as an ONNX graph, once per environment.

A process of its own, so that torch and the exporter leave memory with it.
"""

import logging
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.onnx_files import graph_file, is_intact, mark_intact
from rag_service.embedding.onnx_runtime import encoding_with
from rag_service.embedding.torch_runtime import encoding_by, load_model
from rag_service.errors import EmbedderUnavailable, Misconfigured
from rag_service.settings import EmbeddingSettings, read_settings

_PROBES = ["Where did the cat sit?", "Interest rates rose again in March. " * 40, "東京は日本の首都です。", ""]
_LOWEST_COSINE = 0.99999


def main() -> None:
    """Export the model that the settings name, unless that was done."""
    try:
        settings = read_settings().embedding
        if settings.backend == "onnx":
            export(settings, ModelFolder(settings.model, settings.revision))
    except (Misconfigured, EmbedderUnavailable) as exc:
        sys.exit(str(exc))


def export(settings: EmbeddingSettings, folder: ModelFolder) -> Path:
    """Return the graph of the model, written and compared with the model's own vectors if it is not there yet.

    Raises:
        Misconfigured: the packaged weights are not the known ones, or the folder cannot be written.
        EmbedderUnavailable: the model cannot be loaded, or its graph gives other vectors.
    """
    target = graph_file(settings, folder)
    if is_intact(target):
        return target
    partial = target.with_suffix(f".{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(folder, partial)
        mark_intact(target, partial)
        partial.replace(target)
    except OSError as exc:
        raise Misconfigured(
            f"The embedding model's graph cannot be written: {exc}. Name another folder in RAG_EMBEDDING__ONNX_DIR."
        ) from exc
    finally:
        with suppress(OSError):  # where the folder is none, that is what is told
            partial.unlink()
    return target


def _write(folder: ModelFolder, target: Path) -> None:
    # The plain form of attention: the graph of the fused one takes half as long again.
    model = load_model(folder, device="cpu", attention="eager")
    # Two tensors: the exporter takes one that is given twice for one input.
    ids, mask = torch.ones(2, 16, dtype=torch.long), torch.ones(2, 16, dtype=torch.long)
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    # What the exporter says of its own workings helps nobody here: the comparison below decides.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _SentenceVectors(model),
            (ids, mask),
            target,
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_embedding"],
            dynamic_shapes=(sizes, sizes),
            external_data=False,
            verbose=False,
        )
    _compare(model, target, folder)


def _compare(model: SentenceTransformer, graph: Path, folder: ModelFolder) -> None:
    wanted = encoding_by(model)(_PROBES)
    written = encoding_with(graph, folder, threads=0)(_PROBES)
    if float(np.sum(wanted * written, axis=1).min()) < _LOWEST_COSINE:
        raise EmbedderUnavailable(
            f"The graph of {folder.model} gives other vectors than the model. "
            "Choose RAG_EMBEDDING__BACKEND=sentence_transformers."
        )


class _SentenceVectors(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into
    """The whole model as one function of tensors: unit vectors of token ids."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self._model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        return torch.nn.functional.normalize(self._model(features)["sentence_embedding"].float(), dim=1)


if __name__ == "__main__":
    main()
