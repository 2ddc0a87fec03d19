"""Runs a suite: data in, report out."""

import asyncio
import time
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eval.bootstrap import Evaluation
from eval.corpus_runs import CorpusRuns
from eval.datasets.cases import Case, DataAbsent, Text
from eval.datasets.folders import read_cases, read_queries, read_texts
from eval.datasets.golden import cases_of, read_golden
from eval.label_sets import measure_label_sets
from eval.loading import Tell, ensure_loaded
from eval.metrics.ragas import Judge
from eval.provenance import made_with
from eval.retrieving import Reach, measure_search
from eval.suites import AnswersSuite, GoldenSuite, LabelsSuite, RankedSet, RetrievalSuite, Suite
from rag_service.api.run_report import Report, Section
from rag_service.cli.loading import Failure
from rag_service.client import Client
from rag_service.domain.golden import GoldenState
from rag_service.errors import InvalidRequest, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run. `corpus` (with "@" and a version too) and `limit` stand in for the suite's own when given.

    `is_fresh` asks again what another run asked already.
    """

    name: str
    suite: Suite
    data: Path
    corpus: str | None = None
    limit: int | None = None
    only: frozenset[str] = frozenset()
    judge: Judge | None = None
    with_ragas: bool = True
    is_fresh: bool = False


async def run_suite(plan: Plan, evaluation: Evaluation, client: Client, *, tell: Tell) -> Report:
    """Load what is not loaded yet, measure, and return the report."""
    started_at, start = datetime.now(UTC), time.monotonic()
    match plan.suite:
        case RetrievalSuite():
            sections = await _retrieval(plan, plan.suite, evaluation, client, tell)
        case AnswersSuite():
            sections = [await _answers(plan, plan.suite, evaluation, client, tell)]
        case GoldenSuite():
            sections = [await _golden(plan, plan.suite, evaluation, tell)]
        case LabelsSuite():
            sections = await measure_label_sets(
                evaluation.container, plan.data, plan.suite, only=plan.only, limit=plan.limit, tell=tell
            )
    own = made_with(evaluation.container, evaluation.container.build)
    return Report(
        suite=plan.name,
        started_at=started_at,
        duration_s=time.monotonic() - start,
        made_with=dict(ChainMap(*(dict(section.made_with) for section in sections), own)),
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
    reach = Reach(ndcg=None if ranked.best is None else ranked.best - suite.tolerance, over_parts=0.0 - ranked.behind)
    section = await measure_search(evaluation, corpus, queries, passages=suite.passages, reach=reach, tell=tell)
    return replace(section, notes=[*section.notes, *_notes(failures)])


async def _answers(plan: Plan, suite: AnswersSuite, evaluation: Evaluation, client: Client, tell: Tell) -> Section:
    corpus = plan.corpus or suite.corpus
    try:
        cases, failures = await _cases(plan, suite, corpus, evaluation, client, tell)
    except DataAbsent as exc:
        return Section(name=corpus, notes=[f"Skipped: {exc}"])
    section = await _measured(plan, suite, evaluation, corpus, cases, tell)
    return replace(section, notes=[*section.notes, *_notes(failures)])


async def _golden(plan: Plan, suite: GoldenSuite, evaluation: Evaluation, tell: Tell) -> Section:
    corpus = plan.corpus or suite.corpus
    name, _, _ = corpus.partition("@")
    accepted = {GoldenState.ACCEPTED}
    questions = await evaluation.container.golden.all(evaluation.scope, corpus=name, states=accepted)
    if not questions:
        raise InvalidRequest(f"{name} has no accepted golden questions; `rag golden` adds and accepts them.")
    return await _measured(plan, suite, evaluation, corpus, cases_of(questions)[: plan.limit], tell)


async def _measured(
    plan: Plan,
    suite: AnswersSuite | GoldenSuite,
    evaluation: Evaluation,
    corpus: str,
    cases: Sequence[Case],
    tell: Tell,
) -> Section:
    measure = CorpusRuns(evaluation, judge=plan.judge, with_ragas=plan.with_ragas, is_fresh=plan.is_fresh)
    return await measure(corpus, cases, suite=plan.name, targets=suite.targets, tell=tell)


async def _cases(
    plan: Plan, suite: AnswersSuite, corpus: str, evaluation: Evaluation, client: Client, tell: Tell
) -> tuple[list[Case], list[Failure]]:
    name, _, version = corpus.partition("@")
    if not suite.folder:
        await _require_sample(evaluation, name)
        return read_golden(limit=plan.limit), []
    texts: list[Text] = read_texts(plan.data / suite.folder)
    cases = read_cases(plan.data / suite.folder, texts, limit=plan.limit)
    # A version that was chosen has what it has.
    return cases, [] if version else await asyncio.to_thread(ensure_loaded, client, name, texts, tell=tell)


async def _require_sample(evaluation: Evaluation, corpus: str) -> None:
    try:
        await evaluation.container.search.pin(evaluation.scope, corpus)
    except NotFound as exc:
        raise DataAbsent(f"The corpus {corpus} is not there; the service loads it at its first start.") from exc


def _notes(failures: list[Failure]) -> list[str]:
    return [f"Not in the corpus: {failure.name} ({failure.message})" for failure in failures]
