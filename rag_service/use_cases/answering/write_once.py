"""What is asked by many is written once: for all who ask at the same time, and for those who ask soon after."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Protocol

from rag_service.domain.answers import UnitEmitted
from rag_service.ports.generator import AnswerRequest
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.answer_key import AnswerKey, answer_key
from rag_service.use_cases.answering.asked import Asked
from rag_service.use_cases.answering.write_in_turn import WriteInTurn
from rag_service.use_cases.answering.writing import AlreadyWritten, Writing
from rag_service.use_cases.answering.written import Written


class Steps(Protocol):
    """An answer to read."""

    def steps(self) -> AsyncGenerator[UnitEmitted | Written, None]:
        """Yield its units, then all of it."""


class WriteOnce:
    """Lends out answers: kept ones, those that are being written, and new ones, `at_once` of them at a time."""

    def __init__(self, *, write: WriteInTurn, cache: AnswerCache, at_once: int) -> None:
        self._write = write
        self._cache = cache
        self._slots = asyncio.Semaphore(at_once)
        self._under_way: dict[AnswerKey, Writing] = {}

    def alone(self, request: AnswerRequest) -> AbstractAsyncContextManager[Steps]:
        """Write for one question, and tell no other."""
        return self._joined(self._begun(request, on_end=_nothing))

    def shared(self, asked: Asked, request: AnswerRequest) -> AbstractAsyncContextManager[Steps]:
        """Write, unless the same is kept or being written: the same words, passages and conversation, the same rights.

        Entering the block takes as long as others are in the way; generating begins with the first step.
        """
        key = answer_key(asked, request, self._write)
        kept = self._cache.get(key)
        if kept is not None:
            return nullcontext(AlreadyWritten(kept.again()))
        if key not in self._under_way:
            put = self._cache.putter(key, asked.scope.tenant_id)
            self._under_way[key] = self._begun(request, on_end=partial(self._end, key, put))
        return self._joined(self._under_way[key], key)

    @asynccontextmanager
    async def _joined(self, writing: Writing, key: AnswerKey | None = None) -> AsyncIterator[Steps]:
        try:
            async with writing.joined():
                yield writing
        finally:
            if writing.is_deserted:
                # Before anything is waited for: whoever asks the same from now on begins anew.
                if key is not None and self._under_way.get(key) is writing:
                    del self._under_way[key]
                await writing.stopped()

    def _begun(self, request: AnswerRequest, *, on_end: Callable[[Written], None]) -> Writing:
        return Writing(partial(self._write, request), slots=self._slots, on_end=on_end)

    def _end(self, key: AnswerKey, put: Callable[[Written], None], written: Written) -> None:
        del self._under_way[key]
        put(written)


def _nothing(_: Written) -> None:
    pass
