"""Golden questions that are added only when they are new. They are compared before anything is locked."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag_service.domain.access import AccessScope
from rag_service.domain.golden import GoldenQuestion, GoldenState, Origin
from rag_service.domain.golden_duplicates import KnownQuestions
from rag_service.domain.ids import AnswerId
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, Gone
from rag_service.ports.catalog import Catalog, Transaction

EVERY_STATE = tuple(GoldenState)
_ERASED = "An answer that this came from was erased meanwhile, and with it what people asked. Try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """Questions that are new, and for each of the others one that asks the same."""

    new: Sequence[GoldenQuestion]
    same: Sequence[GoldenQuestion]


async def seen_golden(tx: Transaction, scope: AccessScope, corpus: Corpus) -> list[GoldenQuestion]:
    """Return what is there, whatever became of it."""
    return await tx.golden.all(scope, corpus.id, states=EVERY_STATE)


def proposed_from(answer_id: AnswerId, origin: Origin, questions: Sequence[GoldenQuestion]) -> GoldenQuestion | None:
    """Return what an answer gave rise to before."""
    return next((one for one in questions if (one.origin, one.origin_ref) == (origin, answer_id)), None)


async def propose(
    catalog: Catalog, scope: AccessScope, corpus: Corpus, question: GoldenQuestion, seen: Sequence[GoldenQuestion]
) -> GoldenQuestion:
    """Add a question that an answer, its `origin_ref`, gave rise to; or return the one it gave rise to meanwhile.

    Raises:
        Conflict: another question asks the same.
        Gone: the answer was erased meanwhile.
    """
    found = await add_new(catalog, scope, corpus, [question], seen)
    if proposed := proposed_from(AnswerId(question.origin_ref or ""), question.origin, found.same):
        return proposed
    assert_added(found)
    return question


async def add_new(
    catalog: Catalog,
    scope: AccessScope,
    corpus: Corpus,
    questions: Sequence[GoldenQuestion],
    seen: Sequence[GoldenQuestion],
) -> Additions:
    """Add those of `questions` that are new to the corpus; `seen` is what was there just now.

    Raises:
        Gone: an answer that one of them came from was erased meanwhile; nothing is added.
    """
    # A second for thousands of them: others are served meanwhile, and may write.
    found = await asyncio.to_thread(_compared, questions, seen)
    if not found.new:
        return found
    async with catalog.writing() as tx:
        if Counter(await tx.golden.counts(scope, corpus.id)) != Counter(one.state for one in seen):
            now = await seen_golden(tx, scope, corpus)
            found = await asyncio.to_thread(_compared, questions, now)
        await tx.golden.add(scope, found.new)
        # After the questions: whoever erases holds documents before answers too, and finds what came from them.
        if await tx.answers.erased(scope, _refs_of(found.new), lock=True):
            raise Gone(_ERASED)
    return found


def assert_added(found: Additions) -> None:
    """Raise Conflict when there was a question already that asks the same."""
    if found.same:
        same = found.same[0]
        raise Conflict(f"The corpus has this question already, {same.state}: {same.id}.")


def _refs_of(questions: Iterable[GoldenQuestion]) -> set[AnswerId]:
    return {AnswerId(question.origin_ref) for question in questions if question.origin_ref}


def _compared(questions: Sequence[GoldenQuestion], known: Sequence[GoldenQuestion]) -> Additions:
    asked, new, same = KnownQuestions(known), [], []
    for question in questions:
        if (like := asked.like(question.messages)) is not None:
            same.append(like)
        else:
            asked.add(question)
            new.append(question)
    return Additions(new=new, same=same)
