"""Vectors of tokens, from the graph that embeds whole texts: what it pools has one row for each token."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.onnx_runtime import ensured_graph, open_session
from rag_service.embedding.tokens import model_tokenizer
from rag_service.errors import EmbedderUnavailable
from rag_service.ports.token_embedder import TokenVectors
from rag_service.settings import EmbeddingSettings

if TYPE_CHECKING:
    import onnx
    import onnxruntime
    from tokenizers import Tokenizer

_COMMONEST_WORD = "the"
_AXES = 3
"""Of a tensor with one row for each token: batch, token, dimension."""


class OnnxTokenEmbedder:
    """TokenEmbedder by the embedding model, with a session of its own. Loaded when the first text comes."""

    def __init__(self, settings: EmbeddingSettings, *, window_tokens: int) -> None:
        self._settings = settings
        self._folder = ModelFolder(settings.model, settings.revision)
        self._window_tokens = window_tokens
        # One text per thread: small runs side by side stay in the caches and wait for nobody.
        threads = settings.threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="embed-tokens")
        self._loading = threading.Lock()
        self._model: _TokenModel | None = None

    @property
    def name(self) -> str:
        """The embedding model's."""
        return self._folder.model

    async def embed_tokens(self, text: str) -> TokenVectors:
        """Return the tokens of `text`; those beyond the window or the model's own limit are cut."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: self._loaded().embed(text))

    async def aclose(self) -> None:
        """Stop the threads; what they run is finished first."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def _loaded(self) -> "_TokenModel":
        with self._loading:
            if self._model is None:
                graph = ensured_graph(self._settings, self._folder)
                self._model = _TokenModel(graph, self._folder, window_tokens=self._window_tokens)
            return self._model


class _TokenModel:
    def __init__(self, graph: Path, folder: ModelFolder, *, window_tokens: int) -> None:
        self._session, self._output = _session_for_tokens(graph)
        self._tokenizer = model_tokenizer(folder)
        self._tokenizer.enable_truncation(min(window_tokens, folder.max_tokens))
        self._tokenizer.no_padding()

    def embed(self, text: str) -> TokenVectors:
        encoding = self._tokenizer.encode(text)
        ids = np.array(encoding.ids, dtype=np.int64)
        inputs = {"input_ids": ids[None], "attention_mask": np.ones((1, ids.size), dtype=np.int64)}
        [[rows]] = self._session.run([self._output], inputs)
        kept = np.array(encoding.special_tokens_mask) == 0
        lengths = np.linalg.norm(rows[kept], axis=1, keepdims=True)
        return TokenVectors(vectors=rows[kept] / np.maximum(lengths, 1e-9), weights=self._telling[ids[kept]])

    @cached_property
    def _telling(self) -> NDArray[np.float32]:
        return telling_weights(self._tokenizer)


def telling_weights(tokenizer: "Tokenizer") -> NDArray[np.float32]:
    """Return how much each piece of a vocabulary tells, in [0, 1]: the logarithm of its place.

    A vocabulary lists words by how often they occur, from "the" on. What stands before tells nothing, nor does a single
    letter: a word cut into letters is none that the model knows. In a vocabulary without "the" all pieces tell the same.
    """
    size = tokenizer.get_vocab_size()
    first = tokenizer.token_to_id(_COMMONEST_WORD)
    if first is None or first + 1 >= size:
        return np.ones(size, dtype=np.float32)
    places = np.maximum(np.arange(size) - first + 1, 0)
    is_word = np.array([len((tokenizer.id_to_token(place) or "").lstrip("#")) > 1 for place in range(size)])
    weights: NDArray[np.float32] = (np.log1p(places) / np.log1p(places[-1]) * is_word).astype(np.float32)
    return weights


def _session_for_tokens(graph: Path) -> "tuple[onnxruntime.InferenceSession, str]":
    import onnx  # noqa: PLC0415  (needed once, by who looks at tokens)

    model = onnx.load(graph)
    output = _rows_per_token(model.graph)
    model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    return open_session(model.SerializeToString(), threads=1), output


def _rows_per_token(graph: "onnx.GraphProto") -> str:
    """Return the name of the last tensor with one row for each token: what is pooled.

    Raises:
        EmbedderUnavailable: the graph has none.
    """
    per_token = _axes(graph.input[0])
    shaped = {info.name: _axes(info) for info in graph.value_info}
    of_tokens = {name for name, axes in shaped.items() if len(axes) == _AXES and axes[:2] == per_token}
    numbers = [
        name
        for node in graph.node
        for name in node.output
        if name in of_tokens and shaped[name][2].isdecimal() and int(shaped[name][2]) > 1
    ]
    if not numbers:
        raise EmbedderUnavailable("The embedding model's graph has no vectors of tokens.")
    return str(numbers[-1])


def _axes(info: "onnx.ValueInfoProto") -> list[str]:
    """Return the axes of a tensor: the name of one that varies, the size of one that does not."""
    return [axis.dim_param or str(axis.dim_value) for axis in info.type.tensor_type.shape.dim]
