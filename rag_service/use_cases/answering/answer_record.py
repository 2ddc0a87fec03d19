"""How an answer ended, and the record of it that is stored."""

from dataclasses import dataclass

from rag_service.domain.answers import Answer, AnswerStatus
from rag_service.domain.costs import Cost, Price
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.answering.asked import Asked
from rag_service.use_cases.answering.written import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a question ended. `reason` says why it is not simply answered."""

    status: AnswerStatus
    reason: str | None


def outcome_of(written: Written) -> Outcome:
    """Return how it ended with what was written."""
    if not written.units:
        reason = "generator_declined" if written.declined else "nothing_supported"
        return Outcome(status=AnswerStatus.ABSTAINED, reason=reason)
    if written.failed:
        return Outcome(status=AnswerStatus.PARTIAL, reason="generator_failed")
    if written.dropped_units:
        return Outcome(status=AnswerStatus.PARTIAL, reason="units_dropped")
    return Outcome(status=AnswerStatus.ANSWERED, reason=None)


def answer_record(asked: Asked, written: Written, outcome: Outcome, watch: Stopwatch, *, price: Price | None) -> Answer:
    """Return the record; the stages of writing count for the question that was written for."""
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
        text=written.text,
        status=outcome.status,
        reason=outcome.reason,
        citations=written.citations,
        passages=asked.passages,
        dropped_units=written.dropped_units,
        answerability=asked.answerability,
        generator=written.generator,
        prompt_version=written.prompt_version,
        usage=written.usage,
        timings_ms={**written.timings_ms, **watch.timings_ms()},
        created_at=asked.created_at,
        by_stand_in=written.by_stand_in,
        cost=_cost(written, price),
        degraded=asked.degraded,
        cached=written.cached,
        searched_with=asked.searched_with,
    )


def _cost(written: Written, price: Price | None) -> Cost | None:
    # Nobody counted the tokens of a model that failed; what was written for another question cost nothing more.
    is_unknown = (written.failed or written.by_stand_in) and not written.cached
    if price is None or is_unknown:
        return None
    return price.of(prompt_tokens=written.usage.prompt_tokens, completion_tokens=written.usage.completion_tokens)
