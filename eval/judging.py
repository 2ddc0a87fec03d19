"""The scores that need a model: our judge-free ones of every answer, and RAGAS of those that have a right answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from statistics import median
from typing import Any

from eval.metrics.judge_free import judge_free_scores, passage_of, sentence_supports
from eval.metrics.ragas import Judge, Ragas, Sample, names_with
from eval.metrics.scores import Score, missing
from eval.metrics.suite_scores import why_unanswered
from eval.metrics.text import without_marks
from rag_service.bootstrap import Container
from rag_service.domain.metric_names import of_ragas
from rag_service.ports.unit_checker import UnitChecker
from rag_service.settings import EvaluationSettings
from rag_service.verification.checker import QuoteChecker

Evidence = Mapping[str, Any]


class JudgeFree:
    """Scores answers by the service's own verifier and embedder; see eval/metrics/judge_free.py."""

    def __init__(self, container: Container) -> None:
        self._embedder = container.embedder
        self._checker = open_checker(container)
        self._threshold = container.settings.verification.support_threshold

    async def __call__(self, evidence: Evidence) -> dict[str, Score]:
        """Return the scores of a case by the names of their figures."""
        return await judge_free_scores(
            evidence, checker=self._checker, embedder=self._embedder, threshold=self._threshold
        )


class JudgeByRagas:
    """Scores one case after the other; the process starts with the first answer."""

    def __init__(self, ragas: Ragas, names: Sequence[str]) -> None:
        self._ragas = ragas
        self._names = names

    async def __call__(self, evidence: Evidence) -> dict[str, Score]:
        """Return the scores of a case by the names of their figures; none of a question without a right answer."""
        if not evidence["answerable"]:
            return {}
        if reason := why_unanswered(evidence):
            return {of_ragas(name): missing(reason) for name in self._names}
        scores = await self._ragas.scores(sample_of(evidence))
        return {of_ragas(name): score for name, score in scores.items()}


@asynccontextmanager
async def open_judging(container: Container, judge: Judge | None) -> AsyncIterator[JudgeByRagas]:
    """Open RAGAS over the service's own parts; its process ends with the block."""
    names = names_with(judge)
    async with aclosing(open_ragas(container, judge, names)) as ragas:
        yield JudgeByRagas(ragas, names)


def open_ragas(container: Container, judge: Judge | None, names: Sequence[str]) -> Ragas:
    """Return RAGAS with the service's own embedder and verifier; the caller closes it."""
    checker, threshold = open_checker(container), container.settings.verification.support_threshold

    async def embed(texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = (await container.embedder.embed_passages(texts)).tolist()
        return rows

    async def verify(question: str, response: str, contexts: list[str]) -> list[bool]:
        passages = [passage_of(text, rank=rank) for rank, text in enumerate(contexts, start=1)]
        supports = await sentence_supports(checker, response, passages, question=question)
        return [support >= threshold for support in supports]

    return Ragas(embed=embed, verify=verify, judge=judge, names=names)


def open_checker(container: Container) -> UnitChecker:
    """Return the service's checker as one that lets everything pass, and so reports every support."""
    return QuoteChecker(container.verifier, threshold=0.0)


def judge_of(settings: EvaluationSettings) -> Judge | None:
    """Return the judge that the settings name, None without one."""
    if not (settings.judge_url and settings.judge_model):
        return None
    return Judge(
        base_url=settings.judge_url,
        model=settings.judge_model,
        api_key=settings.judge_key.get_secret_value(),
        seed=settings.judge_seed,
        metrics=settings.judge_metrics,
        max_tokens=settings.judge_max_tokens,
        timeout_s=settings.judge_timeout_s,
        parallel=settings.parallel,
    )


def sample_of(evidence: Evidence) -> Sample:
    """Return a case as RAGAS sees it."""
    return Sample(
        user_input=evidence["question"],
        response=without_marks(evidence["answer"]),
        reference=next(iter(evidence["expected"]), ""),
        retrieved_contexts=tuple(passage["text"] for passage in evidence["found"]),
        reference_contexts=_comparable(evidence),
    )


def _comparable(evidence: Evidence) -> tuple[str, ...]:
    """The gold quotes as contexts, if they can be told from other texts.

    RAGAS compares whole texts, character by character: a sentence never looks like the passage that holds it.
    """
    quotes = tuple(quote["text"] for quote in evidence["gold"] if quote["text"])
    usual = median([len(passage["text"]) for passage in evidence["found"]] or [0])
    return quotes if all(2 * len(quote) >= usual for quote in quotes) else ()
