"""Runs a suite: data in, report out."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eval.answering import ask_all
from eval.bootstrap import Evaluation
from eval.datasets.cases import Case, DataAbsent, Text
from eval.datasets.folders import read_cases, read_queries, read_texts
from eval.datasets.golden import read_golden
from eval.judging import ragas_metrics
from eval.loading import Tell, ensure_loaded
from eval.metrics.ragas import Judge
from eval.provenance import made_with
from eval.results import Report, Section
from eval.retrieving import measure_search
from eval.scoring import answer_metrics, evidence_of
from eval.suites import AnswersSuite, RankedSet, RetrievalSuite, Suite
from rag_service.cli.loading import Failure
from rag_service.client import Client
from rag_service.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run. `corpus` and `limit` stand in for the suite's own when given."""

    name: str
    suite: Suite
    data: Path
    corpus: str | None = None
    limit: int | None = None
    only: frozenset[str] = frozenset()
    judge: Judge | None = None
    with_ragas: bool = True


async def run_suite(plan: Plan, evaluation: Evaluation, client: Client, *, tell: Tell) -> Report:
    """Load what is not loaded yet, measure, and return the report."""
    started_at, start = datetime.now(UTC), time.monotonic()
    match plan.suite:
        case RetrievalSuite():
            sections = await _retrieval(plan, plan.suite, evaluation, client, tell)
        case AnswersSuite():
            sections = [await _answers(plan, plan.suite, evaluation, client, tell)]
    return Report(
        suite=plan.name,
        started_at=started_at,
        duration_s=time.monotonic() - start,
        made_with=made_with(evaluation.container),
        sections=sections,
    )


async def _retrieval(
    plan: Plan, suite: RetrievalSuite, evaluation: Evaluation, client: Client, tell: Tell
) -> list[Section]:
    wanted = [ranked for ranked in suite.sets if not plan.only or ranked.folder in plan.only]
    sections = []
    for ranked in wanted:
        try:
            sections.append(await _ranked_set(plan, suite, ranked, evaluation, client, tell))
        except DataAbsent as exc:
            sections.append(Section(name=ranked.folder, notes=[f"Skipped: {exc}"]))
    return sections


async def _ranked_set(
    plan: Plan, suite: RetrievalSuite, ranked: RankedSet, evaluation: Evaluation, client: Client, tell: Tell
) -> Section:
    folder = plan.data / ranked.folder
    corpus = plan.corpus or ranked.corpus
    queries = read_queries(folder, limit=plan.limit or suite.queries)
    failures = await asyncio.to_thread(ensure_loaded, client, corpus, read_texts(folder), tell=tell)
    target = ranked.best - suite.tolerance
    section = await measure_search(evaluation, corpus, queries, passages=suite.passages, target=target, tell=tell)
    return replace(section, notes=_notes(failures))


async def _answers(plan: Plan, suite: AnswersSuite, evaluation: Evaluation, client: Client, tell: Tell) -> Section:
    corpus = plan.corpus or suite.corpus
    try:
        cases, failures = await _cases(plan, suite, corpus, evaluation, client, tell)
    except DataAbsent as exc:
        return Section(name=corpus, notes=[f"Skipped: {exc}"])
    pinned = await evaluation.container.search.pin(evaluation.scope, corpus)
    outcomes = await ask_all(evaluation, corpus, cases, tell=tell)
    metrics = answer_metrics(outcomes, suite.targets)
    if plan.with_ragas:
        tell(f"{corpus}: RAGAS")
        metrics += await ragas_metrics(evaluation, outcomes, plan.judge)
    evidence = [evidence_of(outcome) for outcome in outcomes]
    return Section(name=f"{corpus}@{pinned.number}", metrics=metrics, evidence=evidence, notes=_notes(failures))


async def _cases(
    plan: Plan, suite: AnswersSuite, corpus: str, evaluation: Evaluation, client: Client, tell: Tell
) -> tuple[list[Case], list[Failure]]:
    if not suite.folder:
        await _require_sample(evaluation, corpus)
        return read_golden(limit=plan.limit), []
    texts: list[Text] = read_texts(plan.data / suite.folder)
    cases = read_cases(plan.data / suite.folder, texts, limit=plan.limit)
    return cases, await asyncio.to_thread(ensure_loaded, client, corpus, texts, tell=tell)


async def _require_sample(evaluation: Evaluation, corpus: str) -> None:
    try:
        await evaluation.container.search.pin(evaluation.scope, corpus)
    except NotFound as exc:
        raise DataAbsent(f"The corpus {corpus} is not there; the service loads it at its first start.") from exc


def _notes(failures: list[Failure]) -> list[str]:
    return [f"Not in the corpus: {failure.name} ({failure.message})" for failure in failures]
