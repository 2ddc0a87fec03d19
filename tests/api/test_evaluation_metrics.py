"""/metrics tells operators how evaluations stand. Runs are planted in the catalog: nothing is asked here."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api.evaluation_metrics import evaluation_metrics
from rag_service.domain.evaluation_watch import REGRESSED
from rag_service.domain.evaluations import EvalRun, RunPurpose
from rag_service.domain.ids import CorpusId
from rag_service.domain.jobs import JobKind, new_job
from rag_service.errors import CatalogUnavailable
from tests.api.background import publish_uploads
from tests.api.parts import Service
from tests.evaluation_values import figure, golden, run

FAITHFULNESS, RELEVANCE = "faithfulness (verifier)", "relevance (embedding)"


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    return CorpusId(await service.corpus())


async def plant(service: Service, corpus_id: CorpusId, one: EvalRun, *, hours_ago: float = 0) -> None:
    then = service.parts.clock() - timedelta(hours=hours_ago)
    ours = {"corpus_id": corpus_id, "tenant_id": service.scope.tenant_id, "created_at": then, "finished_at": then}
    async with service.parts.catalog.writing() as tx:
        await tx.eval_runs.add(service.scope, replace(one, **ours))


async def told(client: httpx.AsyncClient, name: str, **labels: str) -> list[float]:
    """Return the values of a metric that have these labels."""
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = [sample for family in families if family.name == f"rag_evaluation_{name}" for sample in family.samples]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


async def test_the_newest_run_gives_the_scores_and_their_coverage(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    old, new = run(day=1, figures=(figure(FAITHFULNESS, 0.5),)), (figure(FAITHFULNESS, 0.75, measured=8), figure())
    await plant(service, corpus_id, old, hours_ago=9)
    await plant(service, corpus_id, run(day=2, figures=new), hours_ago=2)

    place = {"corpus": corpus_id, "suite": "golden", "metric": "faithfulness"}
    assert await told(client, "score", **place) == [0.75]
    assert await told(client, "coverage_ratio", **place) == [0.8]
    assert len(await told(client, "score")) == 1
    (age_s,) = await told(client, "age_seconds", corpus=corpus_id)
    assert 2 * 3600 <= age_s < 2.1 * 3600


async def test_a_score_that_could_not_be_taken_is_not_told_as_zero(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(figures=(figure(RELEVANCE, None),)))

    assert await told(client, "score", metric="relevance") == []
    assert await told(client, "coverage_ratio", metric="relevance") == [0.0]


async def test_a_corpus_that_was_never_measured_has_an_age_too(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await publish_uploads(service, corpus_id)
    question = golden(corpus_id=corpus_id, tenant_id=service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(service.scope, [question])

    (age_s,) = await told(client, "age_seconds", corpus=corpus_id)
    assert age_s > 36 * 3600


async def test_what_a_publish_made_worse_stays_told_until_the_next_publish(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    worse = run(day=1, purpose=RunPurpose.AFTER_PUBLISH, figures=(figure(REGRESSED, 3.0),))
    await plant(service, corpus_id, worse, hours_ago=9)
    await plant(service, corpus_id, run(day=2), hours_ago=2)
    assert await told(client, "regressed_questions", corpus=corpus_id) == [3.0]

    mended = replace(worse, id=run(day=3).id, figures=(figure(REGRESSED, 0.0),))
    await plant(service, corpus_id, mended)

    assert await told(client, "regressed_questions", corpus=corpus_id) == [0.0]


@pytest.mark.parametrize(
    ("missing", "measured", "expected"),
    [({"the judge did not answer in time": 9}, 1, 0.9), ({"the service abstained": 9}, 1, 0.0)],
)
async def test_the_share_of_the_judges_failures_leaves_out_what_it_was_not_asked(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId, missing: Any, measured: int, expected: float
) -> None:
    judged = figure("ragas: faithfulness", 0.5, missing=missing, measured=measured)
    await plant(service, corpus_id, run(judge="model at host", figures=(judged, figure())))

    assert await told(client, "judge_failure_ratio", corpus=corpus_id) == [expected]


async def test_without_a_judge_nothing_is_said_of_one(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run())

    assert await told(client, "judge_failure_ratio") == []


async def test_a_job_that_no_evaluation_worker_takes_is_told(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    job = new_job(service.scope.tenant_id, JobKind.EVALUATE_DRAFT, "draft", now=service.parts.clock())
    async with service.parts.catalog.writing() as tx:
        await tx.jobs.add(job)

    assert await told(client, "jobs_left_alone", kind="evaluate_draft") == [1.0]
    assert await told(client, "jobs_left_alone", kind="run_suite") == [0.0]


async def test_while_the_catalog_is_away_only_evaluations_are_left_out() -> None:
    async def away() -> Any:
        raise CatalogUnavailable("the database is away")

    assert await evaluation_metrics(away) == b""  # type: ignore[arg-type]
