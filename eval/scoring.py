"""From answers to figures."""

from collections.abc import Callable, Mapping, Sequence

from eval.answering import Outcome, cited_in
from eval.metrics import citations, ranking, text
from eval.metrics.abstention import Decision, abstention_metrics
from eval.metrics.citations import Gold
from eval.metrics.scores import Metric, Score, mean_of, missing
from eval.results import Evidence
from eval.retrieving import document_of
from rag_service.domain.answers import Answer

ABSTAINED = "the service abstained"

Scorer = Callable[[Outcome], Score]


def answer_metrics(outcomes: Sequence[Outcome], targets: Mapping[str, float]) -> list[Metric]:
    """Return every figure that needs no language model."""
    answerable = [outcome for outcome in outcomes if outcome.case.answerable]
    means = [mean_of(name, map(score, answerable), target=targets.get(name)) for name, score in SCORERS.items()]
    resolution = mean_of("citations resolve", resolutions(outcomes), target=targets.get("citations resolve"))
    decisions = [
        Decision(answerable=outcome.case.answerable, abstained=outcome.abstained)
        for outcome in outcomes
        if outcome.answer is not None
    ]
    return [*means, resolution, *abstention_metrics(decisions)]


def resolutions(outcomes: Sequence[Outcome]) -> list[Score]:
    """Return one score per citation: 1 when its quote is where it says."""
    return [Score(float(verdict)) for outcome in outcomes for verdict in outcome.resolved]


def evidence_of(outcome: Outcome) -> Evidence:
    """Return what a person needs to judge one question."""
    found: dict[str, object] = {
        "id": outcome.case.id,
        "question": outcome.case.question,
        "answerable": outcome.case.answerable,
        "expected": list(outcome.case.answers),
        "failure": outcome.failure,
    }
    if outcome.answer is not None:
        found |= _evidence_of_answer(outcome.answer)
    scores = {name: score(outcome).value for name, score in SCORERS.items()} if outcome.case.answerable else {}
    return found | {"scores": scores, "citations_resolve": list(outcome.resolved)}


def _evidence_of_answer(answer: Answer) -> dict[str, object]:
    return {
        "answer_id": answer.id,
        "status": answer.status.value,
        "reason": answer.reason,
        "answerability": answer.answerability,
        "answer": answer.text,
        "found": [document_of(passage) for passage in answer.passages],
        "cited": [cited.document for cited in cited_in(answer)],
    }


def _of_ranking(metric: Callable[[Sequence[str], Mapping[str, int], int], Score], k: int) -> Scorer:
    def score(outcome: Outcome) -> Score:
        if outcome.answer is None:
            return missing(outcome.failure)
        found = ranking.documents_of(map(document_of, outcome.answer.passages))
        return metric(found, dict.fromkeys(outcome.case.documents, 1), k)

    return score


def _of_citations(metric: Callable[[Sequence[citations.Cited], Gold], Score]) -> Scorer:
    def score(outcome: Outcome) -> Score:
        gold = Gold(documents=outcome.case.documents, quotes=outcome.case.quotes)
        return _unanswered(outcome) or metric(cited_in(_answer(outcome)), gold)

    return score


def _of_text(metric: Callable[[str, Sequence[str]], Score]) -> Scorer:
    def score(outcome: Outcome) -> Score:
        return _unanswered(outcome) or metric(text.without_marks(_answer(outcome).text), outcome.case.answers)

    return score


def _unanswered(outcome: Outcome) -> Score | None:
    if outcome.answer is None:
        return missing(outcome.failure)
    return missing(ABSTAINED) if outcome.abstained else None


def _answer(outcome: Outcome) -> Answer:
    if outcome.answer is None:
        raise ValueError("there is no answer")
    return outcome.answer


SCORERS: dict[str, Scorer] = {
    "gold among top 1": _of_ranking(ranking.hit_at, 1),
    "gold among top 5": _of_ranking(ranking.hit_at, 5),
    "MRR@5": _of_ranking(ranking.reciprocal_rank_at, 5),
    "nDCG@5": _of_ranking(ranking.ndcg_at, 5),
    "citation precision": _of_citations(citations.precision),
    "citation recall": _of_citations(citations.recall),
    "contains the answer": _of_text(text.contains_answer),
    "token F1": _of_text(text.token_f1),
    "exact match": _of_text(text.exact_match),
}
