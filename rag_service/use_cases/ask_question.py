"""One question, from the conversation to a stored, cited answer."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import replace
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
    SearchedWith,
    UnitEmitted,
)
from rag_service.domain.conversation import is_small_talk, last_question, standalone_question
from rag_service.domain.degradation import Degradation, is_found_by_less
from rag_service.domain.ids import AnswerId, new_id
from rag_service.errors import InvalidRequest
from rag_service.ports.catalog import Catalog
from rag_service.settings import Settings
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.answer_record import Outcome, answer_record, outcome_of
from rag_service.use_cases.answering.asked import Asked
from rag_service.use_cases.answering.write_in_turn import WriteInTurn
from rag_service.use_cases.answering.write_once import Steps, WriteOnce
from rag_service.use_cases.answering.writing import AlreadyWritten
from rag_service.use_cases.answering.written import Written
from rag_service.use_cases.fixed_replies import ABSTENTION, NOTHING_FOUND, greeting
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.options import SearchOptions


class AskQuestion:
    """Answers from one pinned version of a corpus. Closing the iterator early stops the generator upstream.

    Unless others wait for the same: what is asked by many, with the same rights, is generated once.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        search: Search,
        write: WriteInTurn,
        cache: AnswerCache,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._search = search
        self._write = write
        self._once = WriteOnce(write=write, cache=cache, at_once=settings.generation.at_once)
        self._settings = settings
        self._clock = clock

    @property
    def generator_name(self) -> str:
        """Backend and model that write answers, with what steps in for them."""
        return self._write.name

    @property
    def prompt_version(self) -> str:
        """The prompt that answers are written with."""
        return self._write.prompt_version

    async def __call__(
        self, scope: AccessScope, question: Question, *, keep: bool = True, exact: bool = False
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the sources, then each verified unit, then the record; it is stored unless `keep` is false.

        What is not kept is measured: it is written anew and for itself, as is what was found by less. `exact` as in `SearchOptions`.

        Raises:
            InvalidRequest: the conversation does not end in a question.
            NotFound: no such corpus or version in scope.
        """
        watch, written = Stopwatch(), Written()
        asked = await self._prepare(scope, question, watch, exact=exact)
        early = self._early_outcome(asked)
        async with self._writing(asked, early, shared=keep and not is_found_by_less(asked.degraded)) as writing:
            yield asked.sources()
            async with aclosing(writing.steps()) as steps:
                async for step in steps:
                    if isinstance(step, UnitEmitted):
                        yield step
                    else:
                        written = step
        outcome = early or outcome_of(written)
        template = _template(asked, outcome)
        if template is not None:
            written = replace(written, units=(template,))
            yield template
        answer = answer_record(asked, written, outcome, watch, price=self._settings.generation.price)
        if keep:
            await self._store(scope, answer)
        yield Finished(answer=answer)

    async def _prepare(self, scope: AccessScope, question: Question, watch: Stopwatch, *, exact: bool) -> Asked:
        if not question.messages or question.messages[-1].role != "user" or not last_question(question.messages):
            raise InvalidRequest("The last message must be a question of the user.", param="messages")
        created_at = self._clock()
        pinned = await self._search.pin(scope, question.corpus)
        searched_for = standalone_question(question.messages)
        passages: tuple[Passage, ...] = ()
        degraded: tuple[str, ...] = ()
        options = None
        if not is_small_talk(last_question(question.messages)):
            with watch.stage("search"):
                options = self._options(question, exact=exact)
                found = await self._search.at(scope, pinned, searched_for, options)
            passages, degraded = found.passages, found.degraded
        return Asked(
            answer_id=AnswerId(new_id("answer_")),
            scope=scope,
            question=question,
            pinned=pinned,
            searched_for=searched_for,
            passages=passages,
            answerability=answerability(searched_for, passages, by_words=Degradation.EMBEDDING in degraded),
            degraded=degraded,
            searched_with=_noted(options) if options else None,
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

    def _early_outcome(self, asked: Asked) -> Outcome | None:
        """What is decided without generating: small talk, and questions the documents do not answer."""
        if is_small_talk(last_question(asked.question.messages)):
            return Outcome(status=AnswerStatus.ANSWERED, reason="small_talk")
        if not asked.passages:
            return Outcome(status=AnswerStatus.ABSTAINED, reason="nothing_found")
        if asked.answerability < self._settings.answers.answerability_threshold:
            return Outcome(status=AnswerStatus.ABSTAINED, reason="not_answerable")
        return None

    def _writing(self, asked: Asked, early: Outcome | None, *, shared: bool) -> AbstractAsyncContextManager[Steps]:
        if early is not None:
            return nullcontext(AlreadyWritten(Written()))
        request = asked.request(self._settings.generation.max_tokens)
        return self._once.shared(asked, request) if shared else self._once.alone(request)

    async def _store(self, scope: AccessScope, answer: Answer) -> None:
        async with self._catalog.writing() as transaction:
            await transaction.answers.add(scope, answer)


def _noted(options: SearchOptions) -> SearchedWith:
    return SearchedWith(
        filters=options.filters,
        per_document=options.per_document,
        limit=options.limit,
        neighbours=options.neighbours,
    )


def _template(asked: Asked, outcome: Outcome) -> UnitEmitted | None:
    """Return our own words where there are no others."""
    if outcome.reason == "small_talk":
        return UnitEmitted(text=greeting(asked.pinned.corpus))
    if outcome.status is AnswerStatus.ABSTAINED:
        return UnitEmitted(text=ABSTENTION if asked.passages else NOTHING_FOUND)
    return None
