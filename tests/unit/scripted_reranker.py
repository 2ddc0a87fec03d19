"""A reranker for tests of what becomes of a second look."""

import asyncio
from collections.abc import AsyncGenerator, Sequence


class ScriptedReranker:
    """Yields what it is told, one part at a time: scores, an error, or None for hanging."""

    name = "scripted"

    def __init__(self, *parts: Sequence[float] | Exception | None) -> None:
        self.parts = parts
        self.is_closed = False

    async def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        try:
            for part in self.parts:
                if isinstance(part, Exception):
                    raise part
                if part is None:
                    await asyncio.Event().wait()
                    continue
                yield part
        finally:
            self.is_closed = True

    async def warm_up(self) -> None:
        pass
