"""From the evidence of a case to its scores, and from the results of a run to its figures. No model is asked.

Scores that speak of a right answer are taken of answerable questions only; a name that is not among the scores of a case
does not apply to it, and its figure does not count the case.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.metrics import citations, contexts, ranking, text
from eval.metrics.abstention import Decision, abstention_metrics
from eval.metrics.numbers import number_match
from eval.metrics.quotes import Excerpt, Held, as_ranking, held_by
from eval.metrics.scores import Score, mean_of, missing, percentile_of
from rag_service.domain import metric_names as names
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.evaluations import CaseResult, Figure
from rag_service.domain.golden import GoldQuote
from rag_service.settings import VerificationSettings

ABSTAINED = "the service abstained"

Evidence = Mapping[str, Any]

_K = 5
_SUPPORT_THRESHOLD = VerificationSettings().support_threshold
_P95 = 95.0


def scores_of(evidence: Evidence, *, support_threshold: float = _SUPPORT_THRESHOLD) -> dict[str, Score]:
    """Return the scores of one case that need no model."""
    always = _of_any_question(evidence, support_threshold)
    return (_of_an_answerable_question(evidence) | always) if evidence["answerable"] else always


def figures_of(results: Sequence[CaseResult], targets: Mapping[str, float]) -> tuple[Figure, ...]:
    """Return the figures of a run: means with their bounds, abstention over all cases, and the slowest twentieth."""
    found = dict.fromkeys(name for result in results for name in result.scores)
    figures = [mean_of(name, _scores(results, name), target=targets.get(name)) for name in _in_order(found)]
    figures += abstention_metrics([_decision(result.evidence) for result in results], targets)
    if names.LATENCY in found:
        slowest = percentile_of(
            names.LATENCY_P95, _scores(results, names.LATENCY), _P95, target=targets.get(names.LATENCY_P95)
        )
        figures.append(slowest)
    return tuple(figures)


def why_unanswered(evidence: Evidence) -> str:
    """Return why there is no answer to score; empty when there is one."""
    return evidence["failure"] or (ABSTAINED if _abstained(evidence) else "")


def _of_an_answerable_question(evidence: Evidence) -> dict[str, Score]:
    gold = [GoldQuote(document_key=quote["document_key"], text=quote["text"]) for quote in evidence["gold"]]
    answer, expected = text.without_marks(evidence["answer"]), evidence["expected"]
    return {
        **_if_asked(evidence, _RETRIEVAL, lambda: _of_retrieval(evidence, gold)),
        **_if_answered(evidence, _CITATIONS, lambda: _of_citations(evidence, gold)),
        **_if_answered(evidence, tuple(_WORDS), lambda: {name: of(answer, expected) for name, of in _WORDS.items()}),
    }


def _of_any_question(evidence: Evidence, support_threshold: float) -> dict[str, Score]:
    return {
        **_if_answered(evidence, _UNITS, lambda: _of_units(evidence, support_threshold)),
        **_if_asked(evidence, _EFFORT, lambda: _of_effort(evidence)),
    }


def _of_retrieval(evidence: Evidence, gold: Sequence[GoldQuote]) -> dict[str, Score]:
    held = _held(evidence["found"], "text", gold)
    found, grades = as_ranking(held, gold)
    return {
        names.RECALL: contexts.context_recall(held, gold, _K),
        names.MRR: ranking.reciprocal_rank_at(found, grades, _K),
        names.NDCG: ranking.ndcg_at(found, grades, _K),
        names.CONTEXT_PRECISION: contexts.context_precision(held, gold),
        names.CONTEXT_RECALL: contexts.context_recall(held, gold),
    }


def _of_citations(evidence: Evidence, gold: Sequence[GoldQuote]) -> dict[str, Score]:
    held = _held(evidence["cited"], "quote", gold)
    return {
        names.CITATION_PRECISION: citations.precision(held, gold),
        names.CITATION_RECALL: citations.recall(held, gold),
    }


def _of_units(evidence: Evidence, support_threshold: float) -> dict[str, Score]:
    supports = [
        citations.UnitSupport(start=cited["start"], end=cited["end"], support=cited["support"])
        for cited in evidence["cited"]
    ]
    return {
        names.CITATIONS_RESOLVE: citations.resolution(evidence["citations_resolve"]),
        names.SUPPORT_RATE: citations.support_rate(supports, threshold=support_threshold),
    }


def _of_effort(evidence: Evidence) -> dict[str, Score]:
    total_ms, cost = evidence["timings_ms"].get("total"), evidence["cost"]
    return {
        names.LATENCY: missing("no time was taken") if total_ms is None else Score(float(total_ms)),
        names.TOKENS: Score(float(sum(evidence["tokens"].values()))),
        names.COST: Score(cost["amount"]) if cost else missing(names.UNPRICED),
    }


def _if_asked(evidence: Evidence, wanted: Sequence[str], measure: Callable[[], dict[str, Score]]) -> dict[str, Score]:
    return dict.fromkeys(wanted, missing(evidence["failure"])) if evidence["failure"] else measure()


def _if_answered(
    evidence: Evidence, wanted: Sequence[str], measure: Callable[[], dict[str, Score]]
) -> dict[str, Score]:
    reason = why_unanswered(evidence)
    return dict.fromkeys(wanted, missing(reason)) if reason else measure()


def _held(excerpts: Sequence[Evidence], words: str, gold: Sequence[GoldQuote]) -> Held:
    made = [Excerpt(document_key=excerpt["document_key"], text=excerpt[words]) for excerpt in excerpts]
    return held_by(made, gold)


def _scores(results: Sequence[CaseResult], name: str) -> list[Score]:
    return [_score(result, name) for result in results if name in result.scores]


def _score(result: CaseResult, name: str) -> Score:
    value = result.scores[name]
    return missing(result.missing[name]) if value is None else Score(value)


def _in_order(found: Mapping[str, None]) -> list[str]:
    known = [name for name in _ORDER if name in found]
    return known + [name for name in found if name not in _ORDER]


def _decision(evidence: Evidence) -> Decision:
    return Decision(answerable=evidence["answerable"], abstained=_abstained(evidence), failure=evidence["failure"])


def _abstained(evidence: Evidence) -> bool:
    return bool(evidence["status"] == AnswerStatus.ABSTAINED)


_RETRIEVAL = (names.RECALL, names.MRR, names.NDCG, names.CONTEXT_PRECISION, names.CONTEXT_RECALL)
_CITATIONS = (names.CITATION_PRECISION, names.CITATION_RECALL)
_WORDS = {
    names.CONTAINS_ANSWER: text.contains_answer,
    names.TOKEN_F1: text.token_f1,
    names.EXACT_MATCH: text.exact_match,
    names.NUMBER_MATCH: number_match,
}
_UNITS = (names.CITATIONS_RESOLVE, names.SUPPORT_RATE)
_EFFORT = (names.LATENCY, names.TOKENS, names.COST)
_ORDER = (*_RETRIEVAL, *_CITATIONS, *_UNITS, names.FAITHFULNESS, names.RELEVANCE, *_WORDS, *_EFFORT)
