"""The generator writes; when nothing of it survives, the documents' own words are tried."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from rag_service.domain.answers import UnitEmitted
from rag_service.ports.generator import AnswerRequest, Generator
from rag_service.ports.unit_checker import UnitChecker
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.write_answer import WriteAnswer, WrittenAnswer


class WriteInTurn:
    """Writes with one generator after the other until something is there that may leave."""

    def __init__(self, *, generator: Generator, fallback: Generator, checker: UnitChecker) -> None:
        self._generators = (generator,) if fallback is generator else (generator, fallback)
        self._write = WriteAnswer(checker=checker)

    @property
    def name(self) -> str:
        """Backend and model that write answers, with what steps in for them."""
        return self._generators[0].name

    @property
    def prompt_version(self) -> str:
        """The prompt that answers are written with."""
        return self._generators[0].prompt_version

    async def __call__(
        self, request: AnswerRequest, *, into: WrittenAnswer, watch: Stopwatch
    ) -> AsyncGenerator[UnitEmitted, None]:
        """Yield each unit that may leave, as soon as it is complete and checked."""
        for generator in self._generators:
            into.generator = generator
            async with aclosing(self._write(generator, request, into=into, watch=watch)) as units:
                async for unit in units:
                    yield unit
            # The model may also say that there is no answer: then nobody else is asked.
            if into.text.text or into.declined:
                return
