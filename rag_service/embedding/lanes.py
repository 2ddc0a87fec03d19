"""Threads that run one setting-up of a model, which is loaded when the first text comes."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np

from rag_service.ports.vectors import DenseVector

Encode = Callable[[Sequence[str]], DenseVector]
"""Embeds one batch: one unit vector per text, in order. May be called by two threads at once."""

_MOST_TOGETHER_TOKENS = 128
"""Of a gathered batch, padding included: ten questions. More of them share little more, and keep others waiting longer."""


class _Model:
    def __init__(self, load: Callable[[], Encode]) -> None:
        self._load = load
        self._encode: Encode | None = None
        self._loading = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> DenseVector:
        with self._loading:
            if self._encode is None:
                self._encode = self._load()
        return self._encode(texts)


class BatchLane:
    """Runs batches as they are handed to it."""

    def __init__(self, name: str, threads: int, load: Callable[[], Encode]) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._model = _Model(load)

    async def run(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._model, texts)

    def close(self) -> None:
        """Stop the threads; what they run is finished first."""
        self._executor.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True, eq=False)
class _Asked:
    text: str
    vector: DenseVector | None = None
    is_wanted: bool = True


class GatheringLane:
    """Runs one text after the other, and together what has gathered meanwhile, at little more than half the work for each.

    A text never waits for company, only for the batch before it. `length_of` counts tokens, special ones included.
    """

    def __init__(self, name: str, load: Callable[[], Encode], *, length_of: Callable[[str], int]) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._model = _Model(load)
        self._length_of = length_of
        self._waiting: deque[_Asked] = deque()

    async def run(self, text: str) -> DenseVector:
        """Return the vector of one text."""
        mine = _Asked(text)
        self._waiting.append(mine)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._vector_of, mine)
        finally:
            mine.is_wanted = False

    def close(self) -> None:
        """Stop the thread; what it runs is finished first."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _vector_of(self, mine: _Asked) -> DenseVector:
        """Compute it, and those of who waits behind; an error is that of one turn, the others have their own."""
        if mine.vector is None:
            together = self._with_company(mine)
            rows = self._model([asked.text for asked in together])
            for asked, row in zip(together, rows, strict=True):
                # A copy: a row would keep its whole batch in memory.
                asked.vector = np.array(row)
        return cast("DenseVector", mine.vector)

    def _with_company(self, mine: _Asked) -> list[_Asked]:
        together, longest = [mine], 0
        while self._waiting:
            asked = self._waiting[0]
            if asked.is_wanted and asked.vector is None and asked is not mine:
                longest = max(longest or self._length_of(mine.text), self._length_of(asked.text))
                if longest * (len(together) + 1) > _MOST_TOGETHER_TOKENS:
                    break
                together.append(asked)
            self._waiting.popleft()
        return together
