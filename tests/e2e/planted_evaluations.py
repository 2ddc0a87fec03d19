"""Runs that are planted into the catalog of a running service, as if weeks had gone by."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.evaluations import CaseResult, EvalRun, Figure
from rag_service.domain.ids import EvalRunId, new_id
from rag_service.domain.versions import Corpus
from tests.e2e.elsewhere import elsewhere
from tests.evaluation_values import MADE_WITH, abstained, evidence, keep_results, result, run
from tests.running import RunningService

QUESTIONS = (
    "Which file formats can be uploaded?",
    "How long does a login link work?",
    "How is an earlier version published again?",
    "How is a key revoked?",
)
LOST = QUESTIONS[1]
"""The question that the newest run no longer answers."""

BEYOND = "Which birds nest on the cliffs of Iceland?"
_FIGURES = (
    ("recall@5", 0.93, 0.02),
    ("citation recall", 0.88, 0.03),
    ("citation precision", 0.84, 0.03),
    ("faithfulness (verifier)", 0.95, 0.01),
    ("relevance (embedding)", 0.74, 0.02),
    ("abstention recall", 0.9, 0.05),
    ("latency ms", 41.0, 6.0),
)


def plant(service: RunningService, corpus: str = "handbook", *, nights: int = 40) -> list[EvalRunId]:
    """Keep a run for each night until today, the last two with cases; return their ids, oldest first."""
    answered = [_asked(service, corpus, question) for question in QUESTIONS]
    return elsewhere(_plant(service, corpus, nights, answered))


async def _plant(service: RunningService, corpus: str, nights: int, answered: list[dict[str, Any]]) -> list[EvalRunId]:
    database = f"sqlite+aiosqlite:///{service.data_dir / 'catalog.db'}"
    async with open_catalog(database) as catalog, catalog.writing() as tx:
        key = await tx.keys.by_secret(service.key)
        assert key is not None
        scope = key.scope()
        target = await tx.corpora.get(scope, corpus)
        runs = [_night(target, night, nights) for night in range(nights)]
        for one in runs:
            await tx.eval_runs.add(scope, one)
        for one, is_newest in zip(runs[-2:], (False, True), strict=True):
            await keep_results(tx, scope, one, _cases(answered, is_newest=is_newest))
    return [one.id for one in runs]


def _asked(service: RunningService, corpus: str, question: str) -> dict[str, Any]:
    """Return the evidence of a question that the service was asked just now."""
    body = {"model": corpus, "messages": [{"role": "user", "content": question}]}
    with service.client() as client:
        reply = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    message, sources = reply["choices"][0]["message"], reply["x_rag"]["sources"]
    cited = [one | {"document_key": one["filename"]} for one in message["citations"]]
    return evidence(
        question,
        answer=message["content"],
        expected=[message["citations"][0]["quote"]],
        gold=[{"document_key": cited[0]["document_key"], "text": cited[0]["quote"]}],
        found=[one | {"document_key": one["filename"]} for one in sources],
        cited=cited,
        citations_resolve=[True for _ in cited],
        gold_rank=cited[0]["number"],
    )


def _night(corpus: Corpus, night: int, nights: int) -> EvalRun:
    newest = night == nights - 1
    share = night / nights
    prompt = "v2" if share >= 0.7 else "v1"
    version = 1 + int(share * 4)
    created_at = datetime.now(UTC) - timedelta(days=nights - 1 - night)
    figures = [_figure(name, mean, swing, night, newest=newest) for name, mean, swing in _FIGURES]
    silent = {"the judge did not answer in time": 2}
    judged = Figure(
        name="ragas: faithfulness", value=0.81, measured=3, total=5, missing=silent, low=0.6, high=0.95, target=0.8
    )
    return run(
        corpus_id=corpus.id,
        tenant_id=corpus.tenant_id,
        id=EvalRunId(new_id("eval_")),
        number=version,
        made_with=MADE_WITH | {"prompt version": prompt, "generator": "extractive-3" if newest else "extractive-2"},
        judge="SmolLM2-135M, seed 0",
        figures=(*figures, judged),
        total=5,
        done=5,
        created_at=created_at,
        finished_at=created_at + timedelta(seconds=40),
    )


def _figure(name: str, mean: float, swing: float, night: int, *, newest: bool) -> Figure:
    value = mean + swing * math.sin(night * 1.7) - (swing * 3 if newest else 0)
    width = swing * 2.5
    high = value + width if mean > 1 else min(1.0, value + width)
    target = 0.9 if name == "recall@5" else None
    return Figure(name=name, value=value, measured=5, total=5, low=value - width, high=high, target=target)


def _cases(answered: list[dict[str, Any]], *, is_newest: bool) -> list[CaseResult]:
    cases = []
    for place, seen in enumerate(answered, start=1):
        is_lost = is_newest and seen["question"] == LOST
        kept = {name: seen[name] for name in ("expected", "gold", "found")}
        shown = abstained(question=LOST, **kept, gold_rank=2) if is_lost else seen
        one = result(f"gold_{place}", shown, recall=1.0, mrr=0.5 if is_lost else 1.0, latency=40.0 + place)
        cases.append(one)
    beyond = abstained(question=BEYOND, answerable=False, expected=[], gold=[], found=[], gold_rank=None)
    return [*cases, result("gold_beyond", beyond, recall=None, latency=38.0)]
