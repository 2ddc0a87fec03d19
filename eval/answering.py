"""Asks the questions of a suite through the service's own use case, and keeps what a score needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.bootstrap import Evaluation
from eval.datasets.cases import Case
from eval.loading import Tell
from eval.metrics.citations import Cited, resolves
from eval.retrieving import document_of
from rag_service.domain.answers import Answer, AnswerStatus, Citation, Finished, Message, Question
from rag_service.errors import DependencyUnavailable

_EVERY = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a question. `answer` None: it could not be asked, `failure` says why.

    `resolved` says of each citation whether the characters at its offsets are its quote.
    """

    case: Case
    answer: Answer | None = None
    resolved: tuple[bool, ...] = ()
    failure: str = ""

    @property
    def abstained(self) -> bool:
        """Say whether the service declined to answer."""
        return self.answer is not None and self.answer.status is AnswerStatus.ABSTAINED


async def ask_all(evaluation: Evaluation, corpus: str, cases: Sequence[Case], *, tell: Tell) -> list[Outcome]:
    """Ask every question of `cases`, one after the other."""
    outcomes = []
    for count, case in enumerate(cases, start=1):
        outcomes.append(await _ask(evaluation, corpus, case))
        if count % _EVERY == 0:
            tell(f"{corpus}: {count} of {len(cases)} questions")
    return outcomes


def cited_in(answer: Answer) -> list[Cited]:
    """Return the citations of an answer with the keys of their documents."""
    keys = {passage.document_id: document_of(passage) for passage in answer.passages}
    return [_cited(citation, keys.get(citation.document_id, citation.filename)) for citation in answer.citations]


async def _ask(evaluation: Evaluation, corpus: str, case: Case) -> Outcome:
    question = Question(corpus=corpus, messages=(Message(role="user", content=case.question),))
    try:
        async for event in evaluation.container.ask_question(evaluation.scope, question):
            if isinstance(event, Finished):
                resolved = await _resolved(evaluation, event.answer)
                return Outcome(case=case, answer=event.answer, resolved=resolved)
    except DependencyUnavailable as exc:
        return Outcome(case=case, failure=f"could not be asked: {type(exc).__name__}")
    return Outcome(case=case, failure="the answer never finished")


async def _resolved(evaluation: Evaluation, answer: Answer) -> tuple[bool, ...]:
    verdicts = []
    async with evaluation.container.catalog.reading() as tx:
        for citation in answer.citations:
            parsed = await tx.documents.parsed(evaluation.scope, citation.document_id, citation.revision)
            verdicts.append(resolves(_cited(citation, citation.filename), parsed.text))
    return tuple(verdicts)


def _cited(citation: Citation, document: str) -> Cited:
    return Cited(
        document=document,
        quote=citation.quote,
        char_start=citation.quote_span.start,
        char_end=citation.quote_span.end,
        quote_sha256=citation.quote_sha256,
    )
