"""Learns of a corpus's golden questions how much the dense side counts in it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eval.bootstrap import Evaluation
from eval.fusion_choice import FusionChoice, choose_weight
from eval.loading import Tell
from eval.metrics.quotes import Excerpt, as_ranking, held_by
from eval.metrics.ranking import ndcg_at
from eval.retrieving import document_of
from rag_service.domain.access import Permission, system_scope
from rag_service.domain.answers import Passage
from rag_service.domain.conversation import standalone_question
from rag_service.domain.golden import WEAK_BELOW, GoldenQuestion, GoldenState
from rag_service.domain.versions import Corpus, PinnedVersion
from rag_service.errors import DependencyUnavailable, InvalidRequest
from rag_service.use_cases.permissions import require
from rag_service.use_cases.searching.options import SearchOptions

_STEPS = 10
_K = 10
_EVERY = 20


class LearnFusion:
    """Chooses the weight of a corpus and keeps it, for somebody who may evaluate it; to keep it takes `publish` too.

    Scored is the order of an exact search, feedback included, without a second look.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._parts = evaluation.container
        self._scope = evaluation.scope

    async def corpus(self, corpus: str) -> Corpus:
        """Return the corpus, whose `dense_weight` is what it has learned; NotFound where the caller may not evaluate it."""
        require(self._scope, Permission.EVAL, kind="corpus", ref=corpus)
        async with self._parts.catalog.reading() as tx:
            return await tx.corpora.get(self._scope, corpus)

    async def choose(self, corpus: str, *, tell: Tell) -> FusionChoice:
        """Return what the weights come to over the accepted golden questions with quotes, asked of what is published.

        Raises:
            NotFound: no such corpus, or the caller may not evaluate it.
            InvalidRequest: nothing is published, or there are fewer than 30 such questions.
            DependencyUnavailable: a part of search did not answer.
        """
        target = await self.corpus(corpus)
        questions = await self._parts.golden.all(self._scope, corpus=target.id, states={GoldenState.ACCEPTED})
        usable = [question for question in questions if question.answerable and question.quotes]
        _assert_enough(target, len(usable))
        default = self._parts.settings.retrieval.dense_weight
        scores: dict[float, list[float]] = {weight: [] for weight in weights_with(default)}
        for count, question in enumerate(usable, start=1):
            for weight, each in scores.items():
                each.append(_score(question, await self._found(replace(target, dense_weight=weight), question)))
            if count % _EVERY == 0:
                tell(f"{target.name}: {count} of {len(usable)} questions")
        return choose_weight(scores, default=default)

    async def keep(self, corpus: str, weight: float | None) -> None:
        """Search the corpus with a weight of its own from the next question on; None: with that of the settings.

        Raises:
            NotFound: no such corpus, or the caller may not evaluate and publish it.
        """
        target = await self.corpus(corpus)
        require(self._scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._parts.catalog.writing() as tx:
            await tx.corpora.set_dense_weight(self._scope, target.id, weight)

    async def _found(self, corpus: Corpus, question: GoldenQuestion) -> Sequence[Passage]:
        # As the system that sees every document: the weight is for all who ask.
        scope = system_scope(self._scope.tenant_id)
        pinned = PinnedVersion(corpus=corpus, number=corpus.published, fingerprint=corpus.fingerprint)
        options = SearchOptions(limit=_K, exact=True)
        found = await self._parts.search.at(scope, pinned, standalone_question(question.messages), options)
        if found.degraded:
            raise DependencyUnavailable("A part of search did not answer; nothing was learned. Try again.")
        return found.passages


def weights_with(default: float) -> list[float]:
    """Return the weights that are tried, lowest first: tenths, and the default."""
    return sorted({default, *_tenths()})


def _tenths() -> Iterable[float]:
    return (step / _STEPS for step in range(_STEPS + 1))


def _assert_enough(corpus: Corpus, questions: int) -> None:
    if not corpus.published:
        raise InvalidRequest(f"Nothing of {corpus.name} is published yet.")
    if questions < WEAK_BELOW:
        raise InvalidRequest(
            f"{corpus.name} has {questions} accepted golden questions with quotes; a weight is learned of "
            f"{WEAK_BELOW} or more. Nothing was changed."
        )


def _score(question: GoldenQuestion, passages: Sequence[Passage]) -> float:
    excerpts = [Excerpt(document_key=document_of(passage), text=passage.text) for passage in passages]
    found, grades = as_ranking(held_by(excerpts, question.quotes), question.quotes)
    return ndcg_at(found, grades, _K).value or 0.0
