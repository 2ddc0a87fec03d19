"""/v1/indexes and /metrics tell of the health of indexes. Checks are planted: nothing is searched here."""

from datetime import datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rag_service.domain.access import Permission
from rag_service.domain.ids import CorpusId
from rag_service.domain.index_checks import CheckFindings, IndexCheck, IndexComparison, Recall
from tests.api.background import publish_uploads
from tests.api.parts import Service

FOUND = CheckFindings(
    asked=40,
    recall=Recall(mean=0.98, least=0.7, queries=40),
    restricted=Recall(mean=0.9, least=0.5, queries=40),
    points_expected=9,
    points_held=7,
    parameters={"ef": 768.0},
    notes=("Recall 0.900 is under 0.970: ef is raised to 768.",),
)


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    corpus_id = CorpusId(await service.corpus())
    await publish_uploads(service, corpus_id)
    return corpus_id


async def plant(service: Service, corpus_id: CorpusId, *, hours_ago: float = 1) -> datetime:
    """Plant a check and a comparison; return when the check ended."""
    then = service.parts.clock() - timedelta(hours=hours_ago)
    async with service.parts.catalog.writing() as tx:
        corpus = await tx.corpora.get(service.scope, corpus_id)
        place = {"tenant_id": corpus.tenant_id, "corpus_id": corpus.id, "fingerprint": corpus.fingerprint}
        begun = IndexCheck(**place, version=1, engine="edge", begun_at=then)
        await tx.index_checks.begin(begun, last_before=then, given_up_before=then)
        await tx.index_checks.end(
            IndexCheck(**place, version=1, engine="edge", begun_at=then, finished_at=then, found=FOUND)
        )
        await tx.index_checks.note(IndexComparison(**place, compared_at=then, differing=3, mended=1))
    return then


async def told(client: httpx.AsyncClient, name: str, **labels: str) -> list[float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = [sample for family in families if family.name == f"rag_index_{name}" for sample in family.samples]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


async def test_the_newest_check_of_each_corpus_is_listed(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, hours_ago=9)
    then = await plant(service, corpus_id, hours_ago=2)

    [index] = (await client.get("/v1/indexes")).json()["data"]

    [check] = index["checks"]
    assert (index["corpus_id"], index["is_under_floor"], index["trouble"]) == (corpus_id, True, None)
    assert (check["recall"]["mean"], check["restricted_recall"]["mean"], check["points_missing"]) == (0.98, 0.9, 2)
    assert (check["checked_at"], check["parameters"]) == (int(then.timestamp()), {"ef": 768.0})
    assert (index["comparison"]["differing"], index["comparison"]["mended"]) == (3, 1)


async def test_a_corpus_shows_its_checks_newest_first(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    moments = [await plant(service, corpus_id, hours_ago=hours) for hours in (9, 5, 1)]

    checks = (await client.get(f"/v1/indexes/{corpus_id}")).json()["checks"]

    assert [check["checked_at"] for check in checks] == [int(one.timestamp()) for one in reversed(moments)]


async def test_a_corpus_without_a_check_has_nothing_to_tell(client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    index = (await client.get(f"/v1/indexes/{corpus_id}")).json()

    assert (index["checks"], index["is_under_floor"], index["comparison"]) == ([], None, None)


async def test_only_who_administers_is_told(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    async with service.client(await service.key(Permission.PUBLISH, Permission.EVAL)) as other:
        replies = [await other.get("/v1/indexes"), await other.get(f"/v1/indexes/{corpus_id}")]

    assert [reply.status_code for reply in replies] == [404, 404]
    assert (await client.get("/v1/indexes/absent")).status_code == 404


async def test_operators_watch_recall_points_and_age(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, hours_ago=2)

    assert await told(client, "recall", corpus=corpus_id, sees="all") == [0.98]
    assert await told(client, "recall", corpus=corpus_id, sees="some") == [0.9]
    assert await told(client, "recall_under_floor", corpus=corpus_id) == [1.0]
    assert await told(client, "points_missing", corpus=corpus_id) == [2.0]
    assert await told(client, "points_differing", corpus=corpus_id) == [2.0]
    [age_s] = await told(client, "check_age_seconds", corpus=corpus_id)
    assert 7200 <= age_s < 7300


async def test_an_index_that_was_never_checked_has_an_age_and_no_recall(
    client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    assert len(await told(client, "check_age_seconds")) == 1
    assert await told(client, "recall") + await told(client, "points_missing") == []
