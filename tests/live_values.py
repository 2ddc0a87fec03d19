"""Scored answers and windows that tests plant or make up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from rag_service.domain.answers import AnswerStatus
from rag_service.domain.ids import AnswerId, CorpusId, TenantId
from rag_service.domain.live import ABSTENTION, RETRIEVAL, SUPPORT, WATCHED, Drift, LiveMean, LiveScore
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS
from rag_service.use_cases.live_answers import WatchedAnswers

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
DIMENSIONS = 16
ANSWERED = 0.85
WHOLLY_FAITHFUL = 0.9
PRICE = 2e-7
"""Of a token."""
OF_ANSWERS = frozenset({SUPPORT, FAITHFULNESS, RELEVANCE})
TOPIC = np.eye(DIMENSIONS)[0]
"""What people ask about; another axis is another topic."""


def score(name: str = "one", **changes: Any) -> LiveScore:
    """Return the score of an answer, of a corpus and a tenant that are made up."""
    fixed: dict[str, Any] = {
        "answer_id": AnswerId(f"answer_{name}"),
        "tenant_id": TenantId("ours"),
        "corpus_id": CorpusId("vs_handbook"),
        "status": AnswerStatus.ANSWERED,
        "asked_at": MIDNIGHT,
        "draw": 0.0,
        "rate": 1.0,
        "values": {FAITHFULNESS: 0.75, RELEVANCE: None},
        "missing": {RELEVANCE: "the answer has no sentence"},
        "question": np.ones(DIMENSIONS, "<f4").tobytes(),
        "embedder": "model",
        "judge": None,
        "scored_at": MIDNIGHT,
    }
    return LiveScore(**fixed | changes)


def drift(measure: str = SUPPORT, **changes: Any) -> Drift:
    """Return what is known of a measure in the day before MIDNIGHT: it fell, unless told otherwise."""
    fixed: dict[str, Any] = {
        "tenant_id": TenantId("ours"),
        "corpus_id": CorpusId("vs_handbook"),
        "measure": measure,
        "window_start": MIDNIGHT - DAY,
        "window_end": MIDNIGHT,
        "reference": 0.9,
        "current": 0.7,
        "reference_count": 1400,
        "current_count": 120,
        "psi": 0.5,
        "p_value": 0.0001,
        "has_drifted": True,
    }
    return Drift(**fixed | changes)


def watched_answers(corpus_id: CorpusId) -> WatchedAnswers:
    """Return a corpus of which everything can be told."""
    means = {name: LiveMean(value=0.5, measured=9) for name in WATCHED}
    newest = [drift(name, corpus_id=corpus_id) for name in WATCHED]
    return WatchedAnswers(corpus_id=corpus_id, scored=9, means=means, newest=newest)


def answers_of_a_day(
    rng: np.random.Generator, count: int, *, changes: Mapping[str, float] | None = None, day: int = 0
) -> Sequence[LiveScore]:
    """Draw answers of a steady service; `changes` adds to a measure, or to the share of abstentions or of new topics."""
    shift = dict.fromkeys((*WATCHED, "new topics"), 0.0) | dict(changes or {})
    refused = rng.random(count) > ANSWERED - shift[ABSTENTION]
    is_new = rng.random(count) < shift["new topics"]
    questions = rng.normal(size=(count, DIMENSIONS)) * 0.25 + np.where(is_new[:, None], np.roll(TOPIC, 1), TOPIC)
    vectors = (questions / np.linalg.norm(questions, axis=1, keepdims=True)).astype("<f4")
    tokens = rng.poisson(400, count)
    numbers = {
        RETRIEVAL: rng.beta(8, 4, count) + shift[RETRIEVAL],
        SUPPORT: rng.beta(8, 2, count) + shift[SUPPORT],
        FAITHFULNESS: np.where(rng.random(count) < WHOLLY_FAITHFUL + shift[FAITHFULNESS], 1.0, 0.5),
        RELEVANCE: rng.beta(6, 3, count) + shift[RELEVANCE],
        LATENCY: rng.lognormal(4.5, 0.6, count) * (1 + shift[LATENCY]),
        TOKENS: tokens * (1 + shift[TOKENS]),
        COST: tokens * PRICE * (1 + shift[COST]),
    }
    rows = zip(*(column.tolist() for column in numbers.values()), strict=True)
    return [
        score(
            status=AnswerStatus.ABSTAINED if is_refused else AnswerStatus.ANSWERED,
            values={
                name: None if is_refused and name in OF_ANSWERS else value
                for name, value in zip(numbers, row, strict=True)
            },
            question=vector.tobytes(),
            asked_at=MIDNIGHT + day * DAY,
        )
        for is_refused, vector, row in zip(refused, vectors, rows, strict=True)
    ]
