"""What people ask of a corpus and its documents leave open, for whoever writes them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Message
from rag_service.domain.gaps import UNMET_STATES, FoundGaps, Gap, UnmetQuestion
from rag_service.domain.golden import GoldenQuestion, GoldenState, Origin
from rag_service.domain.golden_content import GoldenContent, assert_asks
from rag_service.domain.golden_duplicates import KnownQuestions
from rag_service.domain.ids import AnswerId
from rag_service.domain.telling_words import telling_words
from rag_service.domain.versions import Corpus
from rag_service.errors import InvalidRequest, LimitExceeded, NotFound
from rag_service.ports.build_parts import BuildParts
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EvaluationSettings
from rag_service.use_cases.average_linkage import clusters_of
from rag_service.use_cases.golden import corpus_to_evaluate, new_question
from rag_service.use_cases.golden_additions import EVERY_STATE, propose, proposed_from, seen_golden
from rag_service.use_cases.parts_of import parts_of

_READ_CHARS = 500
"""Of one question: what follows in a pasted page says little about what is missing, and takes long to embed."""

_MOST_WAITING = 2
_RETRY_AFTER_S = 10.0
_BUSY = "Others wait for content gaps already, which are looked for one at a time. Try again in a few seconds."


class ContentGaps:
    """Finds gaps among answers that the caller may read, and proposes golden questions from them; both take `eval`.

    Nothing of them is kept: a question that is erased is in no gap from then on.
    """

    def __init__(
        self, *, catalog: Catalog, build_parts: BuildParts, clock: Callable[[], datetime], settings: EvaluationSettings
    ) -> None:
        self._catalog = catalog
        self._build_parts = build_parts
        self._clock = clock
        self._settings = settings
        # It takes seconds of every core: people who load the page together wait for one another.
        self._one_at_a_time = asyncio.Lock()
        self._present = 0

    async def find(self, scope: AccessScope, *, corpus: str, days: int | None = None) -> FoundGaps:
        """Return the gaps in the questions of the last `days`, or of as many as are set.

        Raises:
            NotFound: no such corpus, or the caller may not evaluate it.
            Conflict: the embedder of the corpus cannot be opened.
            LimitExceeded: too many wait for their gaps already.
        """
        since = self._clock() - timedelta(days=days or self._settings.gap_days)
        async with self._turn():
            async with self._catalog.reading() as tx:
                target = await corpus_to_evaluate(tx, scope, corpus)
                most = self._settings.gap_questions
                newest = await tx.answers.unmet(scope, target.id, since=since, limit=most + 1)
                golden = await tx.golden.all(scope, target.id, states=EVERY_STATE)
            asked = [one for one in newest[:most] if one.is_about_content]
            vectors = await self._vectors(scope, target, asked)
            gaps, alone = await asyncio.to_thread(_gaps, asked, vectors, golden, self._settings.gap_similarity)
        return FoundGaps(corpus_id=target.id, since=since, gaps=gaps, alone=alone, is_cut=len(newest) > most)

    async def propose(self, scope: AccessScope, *, corpus: str, answer_id: AnswerId) -> GoldenQuestion:
        """Propose the question of a gap, named by its answer, as a golden question; or return what was proposed of it.

        Raises:
            NotFound: no such answer of the corpus, or the caller may not evaluate.
            InvalidRequest: it was answered, and nobody disliked that.
            Conflict: another golden question asks the same.
            Gone: the answer was erased meanwhile.
        """
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            asked = await _unmet_words(tx, scope, target, answer_id)
            seen = await seen_golden(tx, scope, target)
        if proposed := proposed_from(answer_id, Origin.GAP, seen):
            return proposed
        # What would be right, and whether the documents are to say it, only a person can tell.
        content = GoldenContent(messages=_alone(asked))
        assert_asks(content)
        made = partial(new_question, target, content, scope=scope, now=self._clock())
        question = made(state=GoldenState.PROPOSED, origin=Origin.GAP, origin_ref=answer_id)
        return await propose(self._catalog, scope, target, question, seen)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._present > _MOST_WAITING:
            raise LimitExceeded(_BUSY, retry_after_s=_RETRY_AFTER_S)
        self._present += 1
        try:
            async with self._one_at_a_time:
                yield
        finally:
            self._present -= 1

    async def _vectors(self, scope: AccessScope, corpus: Corpus, asked: Sequence[UnmetQuestion]) -> DenseVector:
        """Return a row for each question; what is asked in the same words is embedded once."""
        if not asked:
            return np.empty((0, 0), dtype=np.float32)
        places = {text: place for place, text in enumerate(dict.fromkeys(map(_start_of, asked)))}
        parts = await parts_of(self._catalog, self._build_parts, scope, corpus.id, corpus.fingerprint)
        vectors = await parts.embedder.embed_passages(list(places))
        return vectors[[places[_start_of(one)] for one in asked]]


def _gaps(
    asked: Sequence[UnmetQuestion], vectors: DenseVector, golden: Sequence[GoldenQuestion], similarity: float
) -> tuple[list[Gap], list[UnmetQuestion]]:
    """Return the clusters of several questions, the largest and then the newest first, and the lone questions."""
    clusters = [sorted(cluster) for cluster in clusters_of(vectors, similarity=similarity)]
    found = sorted((one for one in clusters if len(one) > 1), key=lambda cluster: (-len(cluster), cluster))
    alone = [asked[place] for place in sorted(cluster[0] for cluster in clusters if len(cluster) == 1)]
    groups = [[_start_of(asked[place]) for place in cluster] for cluster in found]
    names = telling_words(groups, [_start_of(one) for one in alone])
    known = KnownQuestions(golden)
    gaps = [_gap(asked, vectors, cluster, words, known) for cluster, words in zip(found, names, strict=True)]
    return gaps, alone


def _gap(
    asked: Sequence[UnmetQuestion],
    vectors: DenseVector,
    cluster: list[int],
    words: tuple[str, ...],
    known: KnownQuestions[GoldenQuestion],
) -> Gap:
    own = vectors[cluster]
    medoid = asked[cluster[int((own @ own.sum(axis=0)).argmax())]]
    return Gap(
        words=words,
        medoid=medoid,
        questions=tuple(asked[place] for place in cluster),
        is_golden=known.like(_alone(medoid.question)) is not None,
    )


async def _unmet_words(tx: Transaction, scope: AccessScope, corpus: Corpus, answer_id: AnswerId) -> str:
    """Return the question of an answer that left it open, standing alone as in a gap."""
    answer = await tx.answers.get(scope, answer_id)
    if answer.corpus_id != corpus.id:
        raise NotFound("answer", answer_id)
    feedback = await tx.answers.feedback(scope, answer_id)
    if answer.status not in UNMET_STATES and all(one.rating > 0 for one in feedback):
        raise InvalidRequest("This question was answered, and nobody disliked the answer.", param="answer_id")
    return answer.searched_for


def _alone(question: str) -> tuple[Message, ...]:
    return (Message(role="user", content=question),)


def _start_of(one: UnmetQuestion) -> str:
    return one.question[:_READ_CHARS]
