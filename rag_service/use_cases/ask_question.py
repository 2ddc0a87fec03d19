"""One question, from the conversation to a stored, cited answer."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.answerability import answerability
from rag_service.domain.answers import (
    Answer,
    AnswerEvent,
    AnswerStatus,
    Finished,
    Passage,
    Question,
    SourcesFound,
    UnitEmitted,
)
from rag_service.domain.conversation import is_small_talk, last_question, standalone_question
from rag_service.domain.costs import Cost, Price
from rag_service.domain.degradation import Degradation
from rag_service.domain.ids import AnswerId, new_id
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import InvalidRequest
from rag_service.ports.catalog import Catalog
from rag_service.ports.generator import AnswerRequest, Generator
from rag_service.ports.unit_checker import UnitChecker
from rag_service.settings import Settings
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.fixed_replies import ABSTENTION, NOTHING_FOUND, greeting
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.write_answer import WriteAnswer, WrittenAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """All that is known before anything is written."""

    answer_id: AnswerId
    scope: AccessScope
    question: Question
    pinned: PinnedVersion
    searched_for: str
    passages: tuple[Passage, ...]
    answerability: float
    degraded: tuple[str, ...]
    created_at: datetime

    def sources(self) -> SourcesFound:
        return SourcesFound(
            answer_id=self.answer_id,
            corpus_name=self.pinned.corpus.name,
            version=self.pinned.number,
            passages=self.passages,
            created_at=self.created_at,
        )

    def request(self, max_tokens: int) -> AnswerRequest:
        earlier = self.question.messages[:-1]
        return AnswerRequest(
            question=self.searched_for,
            history=earlier,
            passages=self.passages,
            max_tokens=max_tokens,
            by_words=self.is_by_words,
        )

    @property
    def is_by_words(self) -> bool:
        return Degradation.EMBEDDING in self.degraded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    status: AnswerStatus
    reason: str | None


class AskQuestion:
    """Answers from one pinned version of a corpus. Closing the iterator early stops the generator upstream."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        search: Search,
        generator: Generator,
        fallback: Generator,
        checker: UnitChecker,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._search = search
        self._generator = generator
        self._fallback = fallback
        self._write = WriteAnswer(checker=checker)
        self._settings = settings
        self._clock = clock

    @property
    def generator_name(self) -> str:
        """Backend and model that write answers, with what steps in for them."""
        return self._generator.name

    @property
    def prompt_version(self) -> str:
        """The prompt that answers are written with."""
        return self._generator.prompt_version

    async def __call__(
        self, scope: AccessScope, question: Question, *, keep: bool = True, exact: bool = False
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the sources, then each verified unit, then the record; it is stored unless `keep` is false.

        `exact` as in `SearchOptions`.

        Raises:
            InvalidRequest: the conversation does not end in a question.
            NotFound: no such corpus or version in scope.
        """
        watch = Stopwatch()
        asked, written = await self._prepare(scope, question, watch, exact=exact), WrittenAnswer()
        yield asked.sources()
        outcome = self._early_outcome(asked)
        if outcome is None:
            async with aclosing(self._units(asked, written, watch)) as units:
                async for unit in units:
                    yield unit
            outcome = _outcome_of(written)
        template = _template(asked, outcome, written)
        if template is not None:
            yield written.text.add_fixed(template)
        answer = _record(asked, written, outcome, watch, price=self._settings.generation.price)
        if keep:
            async with self._catalog.writing() as transaction:
                await transaction.answers.add(scope, answer)
        yield Finished(answer=answer)

    async def _prepare(self, scope: AccessScope, question: Question, watch: Stopwatch, *, exact: bool) -> _Asked:
        if not question.messages or question.messages[-1].role != "user" or not last_question(question.messages):
            raise InvalidRequest("The last message must be a question of the user.", param="messages")
        created_at = self._clock()
        pinned = await self._search.pin(scope, question.corpus)
        searched_for = standalone_question(question.messages)
        passages: tuple[Passage, ...] = ()
        degraded: tuple[str, ...] = ()
        if not is_small_talk(last_question(question.messages)):
            with watch.stage("search"):
                options = self._options(question, exact=exact)
                found = await self._search.at(scope, pinned, searched_for, options)
            passages, degraded = found.passages, found.degraded
        return _Asked(
            answer_id=AnswerId(new_id("answer_")),
            scope=scope,
            question=question,
            pinned=pinned,
            searched_for=searched_for,
            passages=passages,
            answerability=answerability(searched_for, passages, by_words=Degradation.EMBEDDING in degraded),
            degraded=degraded,
            created_at=created_at,
        )

    def _options(self, question: Question, *, exact: bool) -> SearchOptions:
        return SearchOptions(
            limit=self._settings.retrieval.passages,
            distinct=True,
            exact=exact,
            filters=question.filters,
            per_document=question.per_document,
            neighbours=self._settings.retrieval.neighbours,
        )

    def _early_outcome(self, asked: _Asked) -> _Outcome | None:
        """What is decided without generating: small talk, and questions the documents do not answer."""
        if is_small_talk(last_question(asked.question.messages)):
            return _Outcome(status=AnswerStatus.ANSWERED, reason="small_talk")
        if not asked.passages:
            return _Outcome(status=AnswerStatus.ABSTAINED, reason="nothing_found")
        if asked.answerability < self._settings.answers.answerability_threshold:
            return _Outcome(status=AnswerStatus.ABSTAINED, reason="not_answerable")
        return None

    async def _units(
        self, asked: _Asked, written: WrittenAnswer, watch: Stopwatch
    ) -> AsyncGenerator[UnitEmitted, None]:
        request = asked.request(self._settings.generation.max_tokens)
        last_resort = () if self._fallback is self._generator else (self._fallback,)
        for generator in (self._generator, *last_resort):
            written.generator = generator
            async with aclosing(self._write(generator, request, into=written, watch=watch)) as units:
                async for unit in units:
                    yield unit
            # Nothing survived: the documents' own words are tried, unless the model said that there is no answer.
            if written.text.text or written.declined:
                return


def _record(
    asked: _Asked, written: WrittenAnswer, outcome: _Outcome, watch: Stopwatch, *, price: Price | None
) -> Answer:
    corpus = asked.pinned.corpus
    return Answer(
        id=asked.answer_id,
        tenant_id=asked.scope.tenant_id,
        key_id=asked.scope.key_id,
        corpus_id=corpus.id,
        corpus_name=corpus.name,
        version=asked.pinned.number,
        messages=asked.question.messages,
        searched_for=asked.searched_for,
        text=written.text.text,
        status=outcome.status,
        reason=outcome.reason,
        citations=written.text.citations,
        passages=asked.passages,
        dropped_units=written.text.dropped,
        answerability=asked.answerability,
        generator=written.generator.name if written.generator else "fixed",
        prompt_version=written.generator.prompt_version if written.generator else "none",
        usage=written.usage,
        timings_ms=watch.timings_ms(),
        created_at=asked.created_at,
        by_stand_in=written.by_stand_in,
        cost=_cost(written, price),
        degraded=asked.degraded,
    )


def _cost(written: WrittenAnswer, price: Price | None) -> Cost | None:
    # Nobody counted the tokens of a model that failed.
    if price is None or written.failed or written.by_stand_in:
        return None
    return price.of(prompt_tokens=written.usage.prompt_tokens, completion_tokens=written.usage.completion_tokens)


def _outcome_of(written: WrittenAnswer) -> _Outcome:
    if not written.text.text:
        reason = "generator_declined" if written.declined else "nothing_supported"
        return _Outcome(status=AnswerStatus.ABSTAINED, reason=reason)
    if written.failed:
        return _Outcome(status=AnswerStatus.PARTIAL, reason="generator_failed")
    if written.text.dropped:
        return _Outcome(status=AnswerStatus.PARTIAL, reason="units_dropped")
    return _Outcome(status=AnswerStatus.ANSWERED, reason=None)


def _template(asked: _Asked, outcome: _Outcome, written: WrittenAnswer) -> str | None:
    if outcome.reason == "small_talk":
        return greeting(asked.pinned.corpus)
    if outcome.status is not AnswerStatus.ABSTAINED or written.text.text:
        return None
    return ABSTENTION if asked.passages else NOTHING_FOUND
