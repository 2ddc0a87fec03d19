"""Another generator steps in while nothing has been written yet."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from rag_service.errors import GeneratorUnavailable
from rag_service.ports.generator import AnswerRequest, Fragment, Generator

_log = structlog.get_logger()


class FallbackGenerator:
    """Uses `last` when `first` fails before its first text; later failures are the caller's to handle."""

    def __init__(self, first: Generator, last: Generator) -> None:
        self._first = first
        self._last = last

    @property
    def name(self) -> str:
        """The name of the preferred generator and of the one behind it."""
        return f"{self._first.name} > {self._last.name}"

    @property
    def prompt_version(self) -> str:
        """The prompt of the preferred generator."""
        return self._first.prompt_version

    async def generate(self, request: AnswerRequest) -> AsyncGenerator[Fragment, None]:
        """Yield the fragments of the first that works."""
        begun = False
        try:
            async with aclosing(self._first.generate(request)) as fragments:
                async for fragment in fragments:
                    begun = begun or bool(fragment.text)
                    yield fragment
        except GeneratorUnavailable:
            if begun:
                raise
            _log.warning("generator_replaced", failed=self._first.name, used=self._last.name)
        else:
            return
        yield Fragment(text="", by_stand_in=True)
        async with aclosing(self._last.generate(request)) as fragments:
            async for fragment in fragments:
                yield fragment
