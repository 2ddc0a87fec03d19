"""From a generator's stream to verified units."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from rag_service.domain.answers import UnitEmitted, Usage
from rag_service.domain.units import UnitSplitter
from rag_service.errors import GeneratorUnavailable
from rag_service.ports.generator import NO_ANSWER, AnswerRequest, Fragment, Generator
from rag_service.ports.unit_checker import UnitChecker
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.answer_text import AnswerText
from rag_service.use_cases.answering.written import Written

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class WrittenAnswer:
    """How far the answer to one question is. Belongs to that question alone."""

    text: AnswerText = field(default_factory=AnswerText)
    usage: Usage = field(default_factory=Usage)
    generator: Generator | None = None
    declined: bool = False
    failed: bool = False
    by_stand_in: bool = False

    def written(self, units: Sequence[UnitEmitted], *, timings_ms: Mapping[str, float]) -> Written:
        """Return it as it is, with the units that were emitted."""
        return Written(
            units=tuple(units),
            dropped_units=self.text.dropped,
            declined=self.declined,
            failed=self.failed,
            by_stand_in=self.by_stand_in,
            generator=self.generator.name if self.generator else "fixed",
            prompt_version=self.generator.prompt_version if self.generator else "none",
            usage=self.usage,
            timings_ms=timings_ms,
        )


class WriteAnswer:
    """Streams, splits, checks and emits. A generator that fails ends the stream; what was held is dropped."""

    def __init__(self, *, checker: UnitChecker) -> None:
        self._checker = checker

    async def __call__(
        self, generator: Generator, request: AnswerRequest, *, into: WrittenAnswer, watch: Stopwatch
    ) -> AsyncGenerator[UnitEmitted, None]:
        """Yield each unit that may leave, as soon as it is complete and checked."""
        splitter = UnitSplitter()
        try:
            async with aclosing(_timed(generator.generate(request), watch)) as fragments:
                async for fragment in fragments:
                    into.usage = fragment.usage or into.usage
                    into.by_stand_in |= fragment.by_stand_in
                    async with aclosing(self._checked(splitter.feed(fragment.text), request, into, watch)) as units:
                        async for unit in units:
                            yield unit
            async with aclosing(self._checked(splitter.finish(), request, into, watch)) as units:
                async for unit in units:
                    yield unit
        except GeneratorUnavailable:
            into.failed = True
            into.text.dropped += any(unit.strip() for unit in splitter.finish())
            _log.warning("generator_failed", generator=generator.name)

    async def _checked(
        self, units: Iterator[str], request: AnswerRequest, into: WrittenAnswer, watch: Stopwatch
    ) -> AsyncGenerator[UnitEmitted, None]:
        for unit in units:
            if NO_ANSWER in unit:
                into.declined = True
                continue
            with watch.stage("verify"):
                checked = await self._checker.check(unit, question=request.question, passages=request.passages)
            emitted = into.text.add(checked)
            if emitted is not None:
                yield emitted


async def _timed(fragments: AsyncGenerator[Fragment, None], watch: Stopwatch) -> AsyncGenerator[Fragment, None]:
    """Count only the time spent waiting for the generator."""
    async with aclosing(fragments):
        while True:
            with watch.stage("generate"):
                fragment = await anext(fragments, None)
            if fragment is None:
                return
            yield fragment
