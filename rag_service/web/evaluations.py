"""Evaluations: how good the answers of a corpus are, run by run, down to one question and its quotes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from rag_service.api.dependencies import container_of
from rag_service.domain.access import AccessScope, Permission, Session
from rag_service.domain.agreements import AGREEMENT_SUITE
from rag_service.domain.case_order import Show, chosen, counts_of
from rag_service.domain.evaluations import GOLDEN_SUITE, CaseResult, EvalRun, EvalRunState, RunPurpose
from rag_service.domain.ids import EvalRunId
from rag_service.domain.live_words import told as told_drift
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, NotFound
from rag_service.use_cases.evaluations import ReadEvaluations
from rag_service.use_cases.permissions import require
from rag_service.web.answer_parts import parts_of_answer
from rag_service.web.charts import written
from rag_service.web.corpus_versions import when
from rag_service.web.live_charts import drifted_of, live_charts, measures_of
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn, is_our_form
from rag_service.web.trend_charts import Row, chart_of, rows_of, told

router = APIRouter(route_class=PageRoute, prefix="/evaluations")

_SHOWN_CASES = 100
_SHOWN_RUNS = 30
_DRAWN_RUNS = 120
"""Four months of nights; with `runs=all`, as many as are kept."""
_MAIN = (
    "recall@5",
    "citation recall",
    "citation precision",
    "faithfulness (verifier)",
    "relevance (embedding)",
    "abstention recall",
)
"""What is drawn at once; the other figures are drawn when asked for."""

_STATES = {
    EvalRunState.QUEUED: ("Waiting", "busy"),
    EvalRunState.RUNNING: ("Running", "busy"),
    EvalRunState.FINISHED: ("Finished", ""),
    EvalRunState.FAILED: ("Failed", "bad"),
}
_PURPOSES = {
    RunPurpose.BY_HAND: "Started by hand",
    RunPurpose.NIGHTLY: "Nightly",
    RunPurpose.GATE: "Gate of a draft",
    RunPurpose.AFTER_PUBLISH: "After a publish",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """A corpus with its newest run, None when it was never measured."""

    corpus: Corpus
    newest: EvalRun | None


@router.get("")
async def overview(request: Request, session: SignedIn) -> Response:
    """Show the corpora with their newest runs; with one corpus, its trend."""
    scope, parts = session.key.scope(), container_of(request)
    newest = PageRequest(limit=1)
    require(scope, Permission.EVAL, kind="page", ref="evaluations")
    async with parts.catalog.reading() as tx:
        corpora = (await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc"))).items
        found = [(one, await tx.eval_runs.page(scope, corpus_id=one.id, suite=None, page=newest)) for one in corpora]
    if len(found) == 1:
        return RedirectResponse(_address_of(found[0][0].id), status_code=303)
    shelves = [_Shelf(corpus=one, newest=next(iter(runs.items), None)) for one, runs in found]
    return _page("evaluations.html", session=session, shelves=shelves)


@router.get("/corpora/{corpus_id}")
async def trend_page(
    request: Request, session: SignedIn, corpus_id: str, suite: str = GOLDEN_SUITE, figures: str = "", runs: str = ""
) -> Response:
    """Show how a suite of a corpus came out each time; `figures=all` draws every figure, `runs=all` shows every run."""
    return await _trend_page(
        request, session, corpus_id, suite=suite, every_figure=figures == "all", every_run=runs == "all"
    )


@router.post("/corpora/{corpus_id}/start")
async def start(
    request: Request, session: SignedIn, corpus_id: str, csrf_token: Annotated[str, Form()] = ""
) -> Response:
    """Have the golden questions of a corpus asked now, and show the run."""
    if not is_our_form(session, csrf_token):
        problem = "The form was out of date. Nothing was started."
        return await _trend_page(request, session, corpus_id, problem=problem, status_code=403)
    try:
        run, _ = await container_of(request).start_evaluation.start(session.key.scope(), corpus=corpus_id)
    except Conflict as exc:
        return await _trend_page(request, session, corpus_id, problem=str(exc), status_code=409)
    return RedirectResponse(f"/evaluations/runs/{quote(run.id, safe='')}", status_code=303)


@router.get("/runs/{run_id}")
async def run_page(
    request: Request, session: SignedIn, run_id: str, show: Show = Show.ALL, cases: str = ""
) -> Response:
    """Show the figures of a run and its cases, the worst first; `cases=all` shows more of them than are read at once."""
    scope, parts = session.key.scope(), container_of(request)
    run, results = await _run_and_results(parts.evaluations, scope, EvalRunId(run_id))
    page = PageRequest(limit=_SHOWN_RUNS)
    others = await parts.evaluations.list(scope, corpus=run.corpus_id, suite=run.suite, page=page)
    corpus = await _corpus(request, session, run.corpus_id)

    def shown() -> Response:
        found = chosen(results or (), show)
        return _page(
            "evaluation_run.html",
            session=session,
            run=run,
            corpus=corpus,
            cases=found if cases == "all" else found[:_SHOWN_CASES],
            case_count=len(found),
            counts=counts_of(results or ()),
            show=show,
            others=[one for one in others.items if one.id != run.id and one.state is EvalRunState.FINISHED],
            is_withheld=results is None,
            hidden=_hidden(run, results or ()),
        )

    # Thousands of cases take longer than other requests should wait.
    return await asyncio.to_thread(shown)


@router.get("/runs/{run_id}/cases/{case_id}")
async def case_page(request: Request, session: SignedIn, run_id: str, case_id: str) -> Response:
    """Show one question: what was expected, found, said, and cited."""
    scope, parts = session.key.scope(), container_of(request)
    run = await parts.evaluations.get(scope, EvalRunId(run_id))
    result = await parts.evaluations.result(scope, run.id, case_id)
    return _page(
        "evaluation_case.html",
        session=session,
        run=run,
        corpus=await _corpus(request, session, run.corpus_id),
        result=result,
        seen=result.evidence,
        answer=parts_of_answer(result.evidence["answer"], result.evidence["cited"]),
    )


@router.get("/compare")
async def comparison_page(request: Request, session: SignedIn, a: str, b: str) -> Response:
    """Show how run `b` differs from run `a`."""
    found = await container_of(request).evaluations.compare(session.key.scope(), EvalRunId(a), EvalRunId(b))
    corpus = await _corpus(request, session, found.after.corpus_id)
    return _page(
        "evaluation_comparison.html",
        session=session,
        found=found,
        corpus=corpus,
        questions=found.questions[:_SHOWN_CASES],
    )


async def _trend_page(
    request: Request,
    session: Session,
    corpus_id: str,
    *,
    suite: str = GOLDEN_SUITE,
    every_figure: bool = False,
    every_run: bool = False,
    problem: str = "",
    status_code: int = 200,
) -> Response:
    parts = container_of(request)
    points = await parts.evaluations.trend(
        session.key.scope(), corpus=corpus_id, suite=suite, limit=None if every_run else _DRAWN_RUNS
    )
    corpus = await _corpus(request, session, corpus_id)
    newest = await parts.evaluations.list(
        session.key.scope(), corpus=corpus_id, suite=suite, page=PageRequest(limit=_SHOWN_RUNS)
    )
    live = await parts.live_answers(session.key.scope(), corpus=corpus_id)
    drifted = drifted_of((*live.newest, *live.earlier))
    in_trend = {point.run.id for point in points}
    rows = rows_of(points)
    names = _names(rows)
    drawn = names if every_figure else _main(names)
    return _page(
        "evaluation_trend.html",
        status_code=status_code,
        session=session,
        corpus=corpus,
        suite=suite,
        problem=problem,
        live=live,
        live_names=measures_of(live.days),
        live_charts=live_charts(live.whole_days, live.newest, drifted),
        drifted=drifted,
        told_drift=told_drift,
        points=points,
        charts=[chart_of(name, rows) for name in drawn],
        others=[run for run in newest.items if run.id not in in_trend],
        undrawn=len(names) - len(drawn),
        rows=list(reversed(rows if every_run else rows[-_SHOWN_RUNS:])),
    )


def _page(template: str, *, session: Session, status_code: int = 200, **values: object) -> Response:
    return render(
        template,
        status_code=status_code,
        session=session,
        when=when,
        written=written,
        told=told,
        states=_STATES,
        purposes=_PURPOSES,
        **values,
    )


async def _corpus(request: Request, session: Session, corpus_id: str) -> Corpus:
    async with container_of(request).catalog.glancing() as tx:
        return await tx.corpora.get(session.key.scope(), corpus_id)


async def _run_and_results(
    evaluations: ReadEvaluations, scope: AccessScope, run_id: EvalRunId
) -> tuple[EvalRun, Sequence[CaseResult] | None]:
    """Return a run with its results, None when they are not for this reader: the figures are for all who evaluate."""
    try:
        found = await evaluations.measured(scope, run_id)
    except NotFound:
        return await evaluations.get(scope, run_id), None
    return found.run, found.results


def _hidden(run: EvalRun, results: Sequence[CaseResult]) -> int:
    """Return how many cases there were that cannot be shown; labelled answers are never kept."""
    is_over = run.state is EvalRunState.FINISHED and run.suite != AGREEMENT_SUITE
    return max(0, run.done - len(results)) if is_over else 0


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the figures there are, those of the newest run first."""
    return list(dict.fromkeys(name for _, figures in reversed(rows) for name in figures))


def _main(names: Sequence[str]) -> list[str]:
    return [name for name in _MAIN if name in names] or list(names[: len(_MAIN)])


def _address_of(corpus_id: str) -> str:
    return f"/evaluations/corpora/{quote(corpus_id, safe='')}"
