"""/metrics tells operators how evaluations stand. Runs are planted in the catalog: nothing is asked here."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api import catalog_metrics
from rag_service.api.evaluation_metrics import evaluation_metrics
from rag_service.domain.evaluation_watch import REGRESSED
from rag_service.domain.evaluations import EvalRun, RunPurpose
from rag_service.domain.ids import CorpusId
from rag_service.domain.jobs import JobKind, new_job
from rag_service.domain.metric_names import FAITHFULNESS, RAGAS_LATE, RAGAS_OVER, RELEVANCE
from rag_service.errors import CatalogUnavailable
from tests.api.background import publish_uploads
from tests.api.parts import Service
from tests.api.planted_runs import plant
from tests.evaluation_values import figure, golden, run


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    return CorpusId(await service.corpus())


async def watch(service: Service, corpus_id: CorpusId) -> None:
    """Publish version 1 of a corpus and accept a question: what is measured by itself has both."""
    await publish_uploads(service, corpus_id)
    question = golden(corpus_id=corpus_id, tenant_id=service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(service.scope, [question])


async def plant_ended(service: Service, corpus_id: CorpusId, one: EvalRun, *, hours_ago: float = 0) -> None:
    then = service.parts.clock() - timedelta(hours=hours_ago)
    await plant(service, corpus_id, replace(one, created_at=then, finished_at=then))


async def told(client: httpx.AsyncClient, name: str, **labels: str) -> list[float]:
    """Return the values of a metric that have these labels."""
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = [sample for family in families if family.name == f"rag_evaluation_{name}" for sample in family.samples]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


async def test_the_newest_run_gives_the_scores_and_their_coverage(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await watch(service, corpus_id)
    old, new = run(day=1, figures=(figure(FAITHFULNESS, 0.5),)), (figure(FAITHFULNESS, 0.75, measured=8), figure())
    await plant_ended(service, corpus_id, old, hours_ago=9)
    await plant_ended(service, corpus_id, run(day=2, figures=new), hours_ago=2)

    place = {"corpus": corpus_id, "suite": "golden", "metric": "faithfulness"}
    assert await told(client, "score", **place) == [0.75]
    assert await told(client, "coverage_ratio", **place) == [0.8]
    assert len(await told(client, "score")) == 1
    (age_s,) = await told(client, "age_seconds", corpus=corpus_id)
    assert 2 * 3600 <= age_s < 2.1 * 3600


async def test_a_score_that_could_not_be_taken_is_not_told_as_zero(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant_ended(service, corpus_id, run(figures=(figure(RELEVANCE, None),)))

    assert await told(client, "score", metric="relevance") == []
    assert await told(client, "coverage_ratio", metric="relevance") == [0.0]


@pytest.mark.parametrize(("notes", "value"), [((), 0.0), (("It was not uploaded: it was away.",), 1.0)])
async def test_a_run_that_did_not_reach_its_receiver_is_told(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId, notes: tuple[str, ...], value: float
) -> None:
    await plant_ended(service, corpus_id, run(notes=notes))

    assert await told(client, "not_uploaded", corpus=corpus_id, suite="golden") == [value]


async def test_a_corpus_that_was_never_measured_has_an_age_too(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await watch(service, corpus_id)

    (age_s,) = await told(client, "age_seconds", corpus=corpus_id)
    assert age_s > 36 * 3600


@pytest.mark.parametrize("suite", ["golden", "sample"])
async def test_what_nothing_measures_by_itself_has_no_age(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId, suite: str
) -> None:
    if suite == "sample":
        await watch(service, corpus_id)
        await plant_ended(service, corpus_id, run(day=1))
    await plant_ended(service, corpus_id, run(day=2, suite=suite, figures=(figure(FAITHFULNESS, 0.5),)), hours_ago=99)

    assert await told(client, "age_seconds", corpus=corpus_id, suite=suite) == []
    assert await told(client, "score", corpus=corpus_id, suite=suite) == [0.5]


async def test_what_another_version_made_worse_is_not_told_of_the_one_that_is_published(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await watch(service, corpus_id)
    rolled_back = run(purpose=RunPurpose.AFTER_PUBLISH, number=2, figures=(figure(REGRESSED, 3.0),))
    await plant_ended(service, corpus_id, rolled_back)

    assert await told(client, "regressed_questions") == []


async def test_what_a_publish_made_worse_stays_told_until_the_next_publish(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await watch(service, corpus_id)
    worse = run(day=1, purpose=RunPurpose.AFTER_PUBLISH, figures=(figure(REGRESSED, 3.0),))
    await plant_ended(service, corpus_id, worse, hours_ago=9)
    await plant_ended(service, corpus_id, run(day=2), hours_ago=2)
    assert await told(client, "regressed_questions", corpus=corpus_id) == [3.0]

    mended = replace(worse, id=run(day=3).id, figures=(figure(REGRESSED, 0.0),))
    await plant_ended(service, corpus_id, mended)

    assert await told(client, "regressed_questions", corpus=corpus_id) == [0.0]


@pytest.mark.parametrize(
    ("missing", "measured", "expected"),
    [
        ({"the judge did not answer in time": 9}, 1, 0.9),
        ({RAGAS_OVER: 6, RAGAS_LATE: 3}, 1, 0.9),
        ({"the service abstained": 9}, 1, 0.0),
    ],
)
async def test_the_share_of_the_judges_failures_leaves_out_what_it_was_not_asked(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId, missing: Any, measured: int, expected: float
) -> None:
    judged = figure("ragas: faithfulness", 0.5, missing=missing, measured=measured)
    await plant_ended(service, corpus_id, run(judge="model at host", figures=(judged, figure())))

    assert await told(client, "judge_failure_ratio", corpus=corpus_id) == [expected]


async def test_without_a_judge_nothing_is_said_of_one(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant_ended(service, corpus_id, run())

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


async def test_a_slow_catalog_does_not_keep_the_other_metrics_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_metrics, "PATIENCE_S", 0.01)

    async def slow() -> Any:
        await asyncio.sleep(60)

    async with asyncio.timeout(30):
        assert await evaluation_metrics(slow) == b""  # type: ignore[arg-type]
