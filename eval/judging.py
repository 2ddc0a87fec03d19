"""RAGAS over the answers of a suite. Refusals are left to the abstention figures."""

from collections.abc import Sequence

from eval.answering import Outcome
from eval.bootstrap import Evaluation
from eval.metrics.ragas import NAMES, Judge, Sample, ragas_scores
from eval.metrics.scores import Metric, mean_of, missing
from eval.metrics.text import without_marks
from eval.scoring import ABSTAINED
from rag_service.domain.answers import Answer


async def ragas_metrics(evaluation: Evaluation, outcomes: Sequence[Outcome], judge: Judge | None) -> list[Metric]:
    """Return the RAGAS metrics over the answerable questions."""
    embedder = evaluation.container.embedder

    async def embed(texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = (await embedder.embed_passages(texts)).tolist()
        return rows

    asked = [outcome for outcome in outcomes if outcome.case.answerable]
    answered = [(outcome, outcome.answer) for outcome in asked if outcome.answer and not outcome.abstained]
    scores = await ragas_scores([_sample(*pair) for pair in answered], embed=embed, judge=judge)
    unasked = [missing(outcome.failure or ABSTAINED) for outcome in asked if not outcome.answer or outcome.abstained]
    return [mean_of(f"ragas: {name}", [*(row[name] for row in scores), *unasked]) for name in NAMES]


def _sample(outcome: Outcome, answer: Answer) -> Sample:
    return Sample(
        user_input=outcome.case.question,
        response=without_marks(answer.text),
        reference=next(iter(outcome.case.answers), ""),
        retrieved_contexts=tuple(passage.text for passage in answer.passages),
        reference_contexts=outcome.case.contexts,
    )
