"""/v1/evals: runs of evaluation suites, what they found, and how two of them differ."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.eval_replies import (
    ComparisonOut,
    EvalRunOut,
    ResultOut,
    TrendOut,
    comparison_out,
    point_out,
    result_out,
    run_out,
)
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.job_reply import JobOut, reply_about
from rag_service.api.json_lines import JSON_LINES, json_lines
from rag_service.api.lists import Asked, ItemList, item_list
from rag_service.api.run_report import run_report_html
from rag_service.api.texts import Name, Ref
from rag_service.domain.comparisons import Measured
from rag_service.domain.evaluations import GOLDEN_SUITE
from rag_service.domain.ids import EvalRunId

router = APIRouter(tags=["evaluations"], route_class=RepeatableRoute)


class NewRun(BaseModel):
    """The corpus whose golden questions are asked. `version` is a number, a label or "draft"; without it, what is published.

    The version may stand in the name too: name@draft.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    corpus: Name
    version: Name | None = None


class StartedRun(BaseModel):
    """A run that was just added, and the job that will do it."""

    run: EvalRunOut
    job: JobOut


@router.get("/v1/evals")
async def list_runs(
    parts: Parts, scope: Scope, page: Asked, corpus: Name | None = None, suite: Name | None = None
) -> ItemList[EvalRunOut]:
    """List the runs, newest first, of one corpus or all, of one suite or all."""
    found = await parts.evaluations.list(scope, page=page, corpus=corpus, suite=suite)
    return item_list([run_out(run) for run in found.items], has_more=found.has_more)


@router.post("/v1/evals", status_code=status.HTTP_202_ACCEPTED)
async def start_run(parts: Parts, scope: Scope, body: NewRun) -> StartedRun:
    """Have the golden questions of a corpus asked and measured."""
    run, job = await parts.start_evaluation.start(scope, corpus=body.corpus, version=body.version)
    return StartedRun(run=run_out(run), job=await reply_about(parts.jobs, scope, job.id))


@router.get("/v1/evals/compare")
async def compare_runs(
    parts: Parts, scope: Scope, a: Annotated[Name, Query()], b: Annotated[Name, Query()]
) -> ComparisonOut:
    """Say how run `b` differs from run `a`, figure by figure and question by question."""
    return comparison_out(await parts.evaluations.compare(scope, EvalRunId(a), EvalRunId(b)))


@router.get("/v1/evals/{run_id}")
async def read_run(parts: Parts, scope: Scope, run_id: Ref) -> EvalRunOut:
    """Return a run with its figures."""
    return run_out(await parts.evaluations.get(scope, EvalRunId(run_id)))


@router.get("/v1/evals/{run_id}/results")
async def list_results(parts: Parts, scope: Scope, run_id: Ref, page: Asked) -> ItemList[ResultOut]:
    """List the results of a run by case; those that show a document the caller may not see are left out."""
    run = await parts.evaluations.get(scope, EvalRunId(run_id))
    found = await parts.evaluations.results_page(scope, run.id, page)
    return item_list([result_out(result, judge=run.judge) for result in found.items], has_more=found.has_more)


@router.get("/v1/evals/{run_id}/results/{case_id}")
async def read_result(parts: Parts, scope: Scope, run_id: Ref, case_id: Ref) -> ResultOut:
    """Return what became of one case."""
    run = await parts.evaluations.get(scope, EvalRunId(run_id))
    return result_out(await parts.evaluations.result(scope, run.id, case_id), judge=run.judge)


@router.get("/v1/evals/{run_id}/export", response_class=Response, responses=JSON_LINES)
async def export_run(parts: Parts, scope: Scope, run_id: Ref) -> Response:
    """Return a run and its results as JSON lines: first the run, then a line for each case."""
    # A run of thousands takes longer to write than other requests should wait.
    return await asyncio.to_thread(_exported, await parts.evaluations.measured(scope, EvalRunId(run_id)))


@router.get("/v1/evals/{run_id}/report", response_class=HTMLResponse)
async def read_report(parts: Parts, scope: Scope, run_id: Ref) -> HTMLResponse:
    """Return a run as one HTML page without scripts or outside parts, to attach to a mail or a pull request."""
    found = await parts.evaluations.measured(scope, EvalRunId(run_id))
    async with parts.catalog.glancing() as tx:
        corpus = await tx.corpora.get(scope, found.run.corpus_id)
    return await asyncio.to_thread(_report, found, corpus.name)


@router.get("/v1/corpora/{corpus}/evals/trends")
async def read_trend(
    parts: Parts, scope: Scope, corpus: Ref, suite: Annotated[Name, Query()] = GOLDEN_SUITE
) -> TrendOut:
    """Return how a suite of a corpus came out each time, oldest first; drafts and gates are no part of it."""
    trend = await parts.evaluations.trend(scope, corpus=corpus, suite=suite)
    return TrendOut(suite=suite, points=[point_out(point) for point in trend])


def _exported(found: Measured) -> Response:
    judge = found.run.judge
    results = (result_out(result, judge=judge).model_dump() for result in found.results)
    return json_lines([run_out(found.run).model_dump(), *results])


def _report(found: Measured, corpus: str) -> HTMLResponse:
    # As a file: a page of the service's own address must not hold what documents say without its policy.
    headers = {"content-disposition": f'attachment; filename="{found.run.id}.html"'}
    page = run_report_html(found.run, found.results, corpus=corpus)
    return HTMLResponse(page.encode("utf-8", "replace"), headers=headers)
