"""Golden questions of a corpus as content teams see, write and review them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote, Origin
from rag_service.domain.golden_content import GoldenContent, Written, assert_asks, assert_complete
from rag_service.domain.ids import GoldenId, new_id
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.golden_additions import add_new, assert_added, seen_golden
from rag_service.use_cases.golden_quotes import assert_quotes_stand, shortened
from rag_service.use_cases.permissions import require

_CHANGED = "Somebody changed this question meanwhile. Look at it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentChanges:
    """What of a question is to be another way; None leaves things as they are. `question` replaces the last turn only."""

    question: str | None = None
    messages: tuple[Message, ...] | None = None
    answerable: bool | None = None
    answers: tuple[str, ...] | None = None
    quotes: tuple[GoldQuote, ...] | None = None
    note: str | None = None

    def onto(self, kept: GoldenQuestion) -> GoldenQuestion:
        """Return the question as it is to be."""
        names = ("messages", "answerable", "answers", "quotes", "note")
        changed = replace(kept, **{name: value for name in names if (value := getattr(self, name)) is not None})
        if self.question is None:
            return changed
        asked = Message(role="user", content=self.question)
        return replace(changed, messages=(*changed.messages[:-1], asked))


class ManageGolden:
    """What people do with golden questions; all of it takes `eval`. What may not be seen is NotFound."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def list(
        self, scope: AccessScope, *, corpus: str, state: GoldenState | None, page: PageRequest
    ) -> Page[GoldenQuestion]:
        """Return a part of the questions, by time."""
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            return await tx.golden.page(scope, target.id, state=state, page=page)

    async def all(
        self, scope: AccessScope, *, corpus: str, states: Collection[GoldenState]
    ) -> Sequence[GoldenQuestion]:
        """Return every question in one of the states, oldest first."""
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            return await tx.golden.all(scope, target.id, states=states)

    async def counts(self, scope: AccessScope, *, corpus: str) -> dict[GoldenState, int]:
        """Return how many there are of each state."""
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            return await tx.golden.counts(scope, target.id)

    async def get(self, scope: AccessScope, *, corpus: str, golden_id: GoldenId) -> GoldenQuestion:
        """Return a question."""
        async with self._catalog.reading() as tx:
            return await _question(tx, scope, await corpus_to_evaluate(tx, scope, corpus), golden_id)

    async def add(self, scope: AccessScope, *, corpus: str, content: GoldenContent) -> GoldenQuestion:
        """Add a question that counts at once.

        Raises:
            InvalidRequest: it asks nothing, or expects nothing, or a quote is in no published text.
            Conflict: it is there already, whatever became of it.
        """
        assert_asks(content)
        assert_complete(content)
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            await assert_quotes_stand(tx, scope, target, content.quotes)
            seen = await seen_golden(tx, scope, target)
        question = new_question(
            target, content, state=GoldenState.ACCEPTED, origin=Origin.HAND, scope=scope, now=self._clock()
        )
        assert_added(await add_new(self._catalog, scope, target, [question], seen))
        return question

    async def edit(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        golden_id: GoldenId,
        changes: ContentChanges,
        seen_edits: int | None = None,
    ) -> GoldenQuestion:
        """Change the content of a question; what does not change is not counted as an edit.

        `seen_edits` is what the question's `edits` were when the caller read it.

        Raises:
            InvalidRequest: it would ask or expect nothing any more, or a new quote is in no published text.
            Conflict: somebody else changed it meanwhile, or after it had `seen_edits`.
        """
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            kept = await _question(tx, scope, target, golden_id)
            changed = changes.onto(kept)
            if changed == kept:
                return kept
            if seen_edits not in (None, kept.edits):
                raise Conflict(_CHANGED)
            assert_asks(changed)
            if kept.state is GoldenState.ACCEPTED:
                assert_complete(changed)
            # What was right when it was written may have left its document since: that is for the gate to say.
            await assert_quotes_stand(tx, scope, target, set(changed.quotes) - set(kept.quotes))
        changed = replace(changed, edits=kept.edits + 1, updated_at=self._clock())
        async with self._catalog.writing() as tx:
            await tx.golden.hold_documents(changed)
            if await tx.golden.get(scope, golden_id, lock=True) != kept:
                raise Conflict(_CHANGED)
            await tx.golden.change(scope, changed)
        return changed

    async def review(
        self, scope: AccessScope, *, corpus: str, accept: Collection[GoldenId], reject: Collection[GoldenId]
    ) -> Sequence[GoldenQuestion]:
        """Accept and reject questions, all of them or none, and return them.

        Raises:
            InvalidRequest: one is to be both, or one to be accepted expects nothing, or is not true of what is published.
            Conflict: somebody changed one that is to be accepted meanwhile.
        """
        if set(accept) & set(reject):
            raise InvalidRequest("A question is accepted or rejected, not both.", param="reject")
        checked: dict[GoldenId, GoldenQuestion] = {}
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            for golden_id in dict.fromkeys(accept):
                checked[golden_id] = await _question(tx, scope, target, golden_id)
                await _assert_acceptable(tx, scope, target, checked[golden_id])
        verdicts = dict.fromkeys(accept, GoldenState.ACCEPTED) | dict.fromkeys(reject, GoldenState.REJECTED)
        async with self._catalog.writing() as tx:
            # Always in the same order, so that two reviews never wait for one another.
            done = {
                each: await self._put(tx, scope, target, each, verdicts[each], checked) for each in sorted(verdicts)
            }
        return [done[golden_id] for golden_id in verdicts]

    async def remove(self, scope: AccessScope, *, corpus: str, golden_id: GoldenId) -> None:
        """Remove a question."""
        async with self._catalog.writing() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            await _question(tx, scope, target, golden_id)
            await tx.golden.remove(scope, golden_id)

    async def _put(
        self,
        tx: Transaction,
        scope: AccessScope,
        corpus: Corpus,
        golden_id: GoldenId,
        state: GoldenState,
        checked: Mapping[GoldenId, GoldenQuestion],
    ) -> GoldenQuestion:
        question = await _question(tx, scope, corpus, golden_id, lock=True)
        if question.state is state:
            return question
        if question != checked.get(golden_id, question):
            raise Conflict(_CHANGED)
        reviewed = replace(question, state=state, updated_at=self._clock())
        await tx.golden.change(scope, reviewed)
        return reviewed


async def corpus_to_evaluate(tx: Transaction, scope: AccessScope, corpus: str) -> Corpus:
    """Return a corpus whose golden questions the caller may see and change, or raise NotFound."""
    require(scope, Permission.EVAL, kind="corpus", ref=corpus)
    return await tx.corpora.get(scope, corpus)


def new_question(
    corpus: Corpus,
    content: Written,
    *,
    state: GoldenState,
    origin: Origin,
    scope: AccessScope,
    now: datetime,
    origin_ref: str | None = None,
) -> GoldenQuestion:
    """Return a question as its author puts it in."""
    return GoldenQuestion(
        id=GoldenId(new_id("gold_")),
        tenant_id=corpus.tenant_id,
        corpus_id=corpus.id,
        messages=content.messages,
        answerable=content.answerable,
        answers=content.answers,
        quotes=content.quotes,
        note=content.note,
        state=state,
        origin=origin,
        origin_ref=origin_ref,
        author=scope.key_id,
        created_at=now,
        updated_at=now,
    )


async def _question(
    tx: Transaction, scope: AccessScope, corpus: Corpus, golden_id: GoldenId, *, lock: bool = False
) -> GoldenQuestion:
    question = await tx.golden.get(scope, golden_id, lock=lock)
    if question.corpus_id != corpus.id:
        raise NotFound("golden question", golden_id)
    return question


async def _assert_acceptable(tx: Transaction, scope: AccessScope, corpus: Corpus, question: GoldenQuestion) -> None:
    if question.state is GoldenState.ACCEPTED:
        return
    try:
        assert_complete(question)
        await assert_quotes_stand(tx, scope, corpus, question.quotes)
    except InvalidRequest as exc:
        raise InvalidRequest(f"{question.id}, “{shortened(question.question)}”: {exc}", param="accept") from exc
