"""Runs of suites and results as tests plant them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Message
from rag_service.domain.evaluations import GOLDEN_SUITE, CaseResult, EvalRun, EvalRunState, Figure, RunPurpose
from rag_service.domain.golden import GoldenQuestion, GoldenState, Origin
from rag_service.domain.ids import CorpusId, DocumentId, EvalRunId, GoldenId, TenantId
from rag_service.ports.catalog import Transaction

START = datetime(2026, 1, 1, tzinfo=UTC)
MADE_WITH = {"prompt": "v1", "generator": "extractive", "build": "b1"}


def figure(name: str = "recall@5", value: float | None = 0.8, **options: Any) -> Figure:
    """Return the figure of ten cases, all measured unless told otherwise."""
    bounds = {} if value is None else {"low": value - 0.1, "high": min(value + 0.1, 1.0)}
    return Figure(
        **{"name": name, "value": value, "measured": 0 if value is None else 10, "total": 10} | bounds | options
    )


def run(*, day: int = 1, corpus_id: str = "corpus", tenant_id: str = "tenant_a", **options: Any) -> EvalRun:
    """Return the finished run of a day."""
    created_at = START + timedelta(days=day)
    values = {
        "id": EvalRunId(f"eval_{day}"),
        "tenant_id": TenantId(tenant_id),
        "corpus_id": CorpusId(corpus_id),
        "number": 1,
        "draft_id": None,
        "suite": GOLDEN_SUITE,
        "suite_digest": "d" * 64,
        "purpose": RunPurpose.NIGHTLY,
        "state": EvalRunState.FINISHED,
        "made_with": MADE_WITH,
        "total": 10,
        "done": 10,
        "figures": (figure(),),
        "created_at": created_at,
        "finished_at": created_at + timedelta(minutes=2),
    }
    return EvalRun(**values | options)


def evidence(question: str = "When does the car park close?", **options: Any) -> dict[str, Any]:
    """Return the evidence of a question that was answered from the document `parking.md`, gold quote cited."""
    passage = {"document_key": "parking.md", "document_id": "doc_1", "revision": 1}
    return {
        "question": question,
        "conversation": [],
        "answerable": True,
        "expected": ["at 22:30"],
        "gold": [{"document_key": "parking.md", "text": "closes at 22:30"}],
        "failure": "",
        "answer": "The car park closes at 22:30.",
        "status": "answered",
        "reason": None,
        "answerability": 0.7,
        "found": [passage | {"headings": ["Parking"], "score": 0.9, "text": "The car park closes at 22:30 every day."}],
        "cited": [
            passage
            | {
                "quote": "The car park closes at 22:30",
                "start": 0,
                "end": 29,
                "char_start": 0,
                "char_end": 28,
                "support": 0.95,
            }
        ],
        "citations_resolve": [True],
        "gold_cited": True,
        "gold_rank": 1,
        "timings_ms": {"embed": 3.0},
        "tokens": {"prompt": 0, "completion": 0},
        "cost": {"amount": 0.0, "currency": "USD"},
        "generator": "extractive",
        "prompt_version": "v1",
    } | options


def abstained(**options: Any) -> dict[str, Any]:
    """Return the evidence of the same question when nothing was said."""
    nothing = {"answer": "The documents do not say.", "status": "abstained", "reason": "no support", "cited": []}
    return evidence(**nothing | {"citations_resolve": [], "gold_cited": None} | options)


def result(case_id: str = "gold_1", seen: dict[str, Any] | None = None, **scores: float | None) -> CaseResult:
    """Return a result with these scores, `recall=1.0` for recall@5; a score of None is missing."""
    named = {_NAMES.get(name, name): value for name, value in (scores or {"recall": 1.0}).items()}
    return CaseResult(
        case_id=case_id,
        cache_key=f"key of {case_id}",
        scores=named,
        missing={name: "could not be measured" for name, value in named.items() if value is None},
        evidence=seen or evidence(),
        documents=frozenset(),
    )


async def keep_results(tx: Transaction, scope: AccessScope, one: EvalRun, found: Sequence[CaseResult]) -> None:
    """Keep results of a run over the golden questions, those that are missing as rejected ones: nothing counts them."""
    ids = {GoldenId(case.case_id) for case in found}
    place = {"corpus_id": one.corpus_id, "tenant_id": one.tenant_id, "state": GoldenState.REJECTED}
    missing = sorted(ids - (await tx.golden.known(scope, ids)).keys())
    await tx.golden.add(scope, [golden(golden_id, **place) for golden_id in missing])
    await tx.eval_runs.add_results(scope, one.id, found)


def results(scores: Sequence[float | None]) -> list[CaseResult]:
    """Return a result for each recall@5, of cases that are numbered from 1."""
    return [result(f"gold_{place}", recall=score) for place, score in enumerate(scores, start=1)]


def golden(golden_id: str = "gold_1", *, corpus_id: str, tenant_id: str = "tenant_a", **options: Any) -> GoldenQuestion:
    """Return an accepted golden question that quotes no document."""
    question = GoldenQuestion(
        id=GoldenId(golden_id),
        tenant_id=TenantId(tenant_id),
        corpus_id=CorpusId(corpus_id),
        messages=(Message(role="user", content="When does the car park close?"),),
        answerable=True,
        answers=("at 22:30",),
        state=GoldenState.ACCEPTED,
        origin=Origin.HAND,
        created_at=START,
        updated_at=START,
    )
    return replace(question, **options)


def showing(one: CaseResult, *documents: str) -> CaseResult:
    """Return a result that shows these documents."""
    return replace(one, documents=frozenset(DocumentId(document) for document in documents))


_NAMES = {"recall": "recall@5", "mrr": "MRR@5", "latency": "latency ms", "faithfulness": "faithfulness (verifier)"}
