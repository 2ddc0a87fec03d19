"""The health of an index of the real engine behind its host: a planted loss is alerted to, mended, and over."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api.index_metrics import index_metrics
from rag_service.domain.index_advice import SearchParameters
from rag_service.retrieval.edge_tuning import EdgeTuning
from rag_service.use_cases.indexes.draw_sample import QUESTIONS
from tests.integration.desk import Desk
from tests.integration.edge_desk import accept_rows, edge_desk
from tests.integration.index_checking import findings, index_health, lose_points, rounds_over
from tests.made_rows import made_rows

ROWS = 300
LOST = 200
SMALL = {"RAG_RETRIEVAL__EXACT_BELOW": "50", "RAG_RETRIEVAL__OPTIMISE_AFTER": "100000"}
"""So that searches go through a graph, which is built when it is asked for."""


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with edge_desk(**SMALL) as opened:
        await accept_rows(opened, made_rows(range(ROWS)))
        await opened.work_off()
        health = await index_health(opened)
        await opened.worker.container.index.optimise(health.corpus.fingerprint)
        yield opened


async def told(desk: Desk, name: str) -> list[float]:
    text = (await index_metrics(desk.worker.container.index_health)).decode()
    families = text_string_to_metric_families(text)
    return [sample.value for family in families if family.name == f"rag_index_{name}" for sample in family.samples]


async def test_lost_points_are_alerted_to_and_mended(desk: Desk) -> None:
    await lose_points(desk, LOST)
    before = await findings(desk)
    assert before.recall is not None and before.points_missing == LOST
    assert (before.recall.mean < 0.9, before.made) == (True, QUESTIONS)

    await desk.worker.container.check_indexes()

    after, alarm = (await index_health(desk)).checks
    assert alarm.found is not None and alarm.found.points_missing == LOST
    assert after.found is not None and after.found.recall is not None
    assert after.found.recall.mean > 0.97
    assert [await told(desk, name) for name in ("points_missing", "recall_under_floor", "optimise_failing")] == [
        [0.0],
        [0.0],
        [0.0],
    ]


async def test_the_host_goes_by_what_a_check_has_said(desk: Desk) -> None:
    settings = desk.worker.container.settings
    tuning = EdgeTuning(settings.index_dir)
    fingerprint = (await index_health(desk)).corpus.fingerprint
    await tuning.change(fingerprint, SearchParameters(ef=1024, exact=True, is_wanting=True))

    await rounds_over(desk, tuning=tuning)()

    [check, *_] = (await index_health(desk)).checks
    assert check.found is not None and check.found.recall is not None
    assert check.found.recall.mean == 1.0
    assert check.found.parameters == {"ef": 1024.0, "exact": 1.0, "is_wanting": 1.0}
