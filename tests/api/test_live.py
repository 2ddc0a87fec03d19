"""How live answers stand: over HTTP, on the page, and for Prometheus. Scores are planted in the catalog."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rag_service import web
from rag_service.api import catalog_metrics
from rag_service.api.live_metrics import live_metrics
from rag_service.domain.access import Permission
from rag_service.domain.answers import Answer, AnswerStatus
from rag_service.domain.ids import AnswerId, CorpusId
from rag_service.domain.live import ABSTENTION, SUPPORT, Drift
from rag_service.domain.metric_names import FAITHFULNESS, LATENCY, RELEVANCE
from rag_service.errors import CatalogUnavailable
from rag_service.use_cases.live_answers import KEEP, ReadLiveAnswers
from tests.api.parts import Service
from tests.contract.answer_values import answer
from tests.live_values import DAY, drift, score


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    return CorpusId(await service.corpus())


async def plant(service: Service, corpus_id: CorpusId, name: str = "one", **changes: Any) -> None:
    asked_at = service.parts.clock() - timedelta(minutes=changes.pop("minutes_ago", 1))
    ours: dict[str, Any] = {"tenant_id": service.scope.tenant_id, "corpus_id": corpus_id}
    kept: Answer = replace(answer(name), created_at=asked_at, passages=(), citations=(), **ours)
    async with service.parts.catalog.writing() as tx:
        await tx.answers.add(service.scope, kept)
        await tx.live.add(score(name, answer_id=AnswerId(kept.id), asked_at=asked_at, **ours, **changes))


async def plant_window(service: Service, corpus_id: CorpusId, *drifts: Drift, days_ago: float = 0.5) -> None:
    end = service.parts.clock() - timedelta(days=days_ago)
    changes: dict[str, Any] = {"window_start": end - DAY, "window_end": end, "corpus_id": corpus_id}
    async with service.parts.catalog.writing() as tx:
        await tx.live.add_drifts([replace(one, **changes, tenant_id=service.scope.tenant_id) for one in drifts])


async def told(client: httpx.AsyncClient, name: str, **labels: str) -> list[float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    samples = [sample for family in families if family.name == f"rag_live_{name}" for sample in family.samples]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


UNCOMPARED = {"reference": None, "current": None, "psi": None, "p_value": None, "has_drifted": False}
STEADY = drift(LATENCY, reference=90.0, current=92.0, psi=0.02, p_value=0.4, has_drifted=False)


async def test_days_have_means_over_what_was_answered(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, values={FAITHFULNESS: 1.0}, missing={})
    await plant(service, corpus_id, "two", values={FAITHFULNESS: 0.5}, missing={}, rate=0.5)
    await plant(service, corpus_id, "three", values={}, missing={}, status=AnswerStatus.ABSTAINED)

    (day,) = (await client.get("/v1/corpora/handbook/live")).json()["days"]

    assert day["scored"] == 3
    assert day["means"][FAITHFULNESS] == {"value": pytest.approx(2 / 3), "measured": 2}
    assert day["means"][ABSTENTION] == {"value": pytest.approx(1 / 4), "measured": 3}
    assert RELEVANCE not in day["means"]


async def test_a_window_says_what_drifted(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await plant_window(service, corpus_id, drift(), STEADY, drift(ABSTENTION, **UNCOMPARED))
    await plant_window(service, corpus_id, drift(ABSTENTION, reference=0.1, current=0.4), STEADY, days_ago=1.5)

    found = (await client.get(f"/v1/corpora/{corpus_id}/live")).json()

    assert [one["told"] for one in found["newest"]] == [
        "The share of abstentions could not be compared: 120 answers beside 1400 are too few.",
        "The time an answer takes, in ms, is as before: 92 (120 answers beside 1400).",
        "The support of answers by their quotes fell from 0.90 to 0.70 (120 answers beside 1400; PSI 0.50).",
    ]
    assert [one["told"] for one in found["earlier"]] == [
        "The share of abstentions rose from 10% to 40% (120 answers beside 1400; PSI 0.50)."
    ]


async def test_a_window_of_long_ago_says_nothing_of_today(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant_window(service, corpus_id, drift(), days_ago=3)

    found = (await client.get(f"/v1/corpora/{corpus_id}/live")).json()

    assert (found["newest"], len(found["earlier"])) == ([], 1)


@pytest.mark.parametrize("ref", ["handbook", "absent"])
async def test_who_may_not_evaluate_is_told_that_nothing_is_there(
    service: Service, corpus_id: CorpusId, ref: str
) -> None:
    async with service.client(await service.key(Permission.CHAT)) as client:
        assert (await client.get(f"/v1/corpora/{ref}/live")).status_code == 404


async def test_operators_are_told_means_and_drift(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id)
    await plant_window(service, corpus_id, drift(), STEADY, drift(ABSTENTION, **UNCOMPARED))

    assert await told(client, "score", corpus=corpus_id, measure="faithfulness") == [0.75]
    assert await told(client, "scored_answers", corpus=corpus_id) == [1.0]
    assert await told(client, "drifted", measure="support") == [1.0]
    assert await told(client, "drifted", measure="latency_ms") == [0.0]
    assert await told(client, "drifted", measure="abstention") == []
    assert await told(client, "psi", measure="support") == [0.5]


async def test_operators_are_told_nothing_while_the_catalog_is_away() -> None:
    class Away:
        async def of_all(self) -> None:
            raise CatalogUnavailable("locked")

    assert await live_metrics(Away()) == b""  # type: ignore[arg-type]


async def test_a_slow_catalog_does_not_keep_the_other_metrics_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_metrics, "PATIENCE_S", 0.01)

    class Slow:
        async def of_all(self) -> None:
            await asyncio.sleep(60)

    async with asyncio.timeout(30):
        assert await live_metrics(Slow()) == b""  # type: ignore[arg-type]


async def test_the_catalog_is_read_once_a_minute_however_often_operators_ask(
    service: Service, corpus_id: CorpusId
) -> None:
    now = service.parts.clock()
    live_answers = ReadLiveAnswers(catalog=service.parts.catalog, clock=lambda: now)
    await plant(service, corpus_id)
    first = await asyncio.gather(live_answers.of_all(), live_answers.of_all())
    await plant(service, corpus_id, "two")

    soon = await live_answers.of_all()
    now += KEEP

    assert first[0] is first[1] is soon
    assert [one.scored for one in (*soon, *await live_answers.of_all())] == [1, 2]


async def test_operators_are_told_of_each_corpus_its_own(service: Service, corpus_id: CorpusId) -> None:
    other = CorpusId(await service.corpus("other"))
    await plant(service, corpus_id, values={FAITHFULNESS: 1.0}, missing={})
    await plant(service, other, "two", values={FAITHFULNESS: 0.5}, missing={})
    await plant_window(service, other, drift())

    found = {one.corpus_id: one for one in await service.parts.live_answers.of_all()}

    assert {name: one.means[FAITHFULNESS].value for name, one in found.items()} == {corpus_id: 1.0, other: 0.5}
    assert {name: len(one.newest) for name, one in found.items()} == {corpus_id: 0, other: 1}


@pytest.fixture
async def browser(service: Service) -> httpx.AsyncClient:
    web.install(service.app)
    browser = service.anonymous()
    await browser.post("/login", data={"key": await service.key(Permission.EVAL, Permission.CHAT)})
    return browser


async def test_the_page_shows_days_and_what_drifts_in_words(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id)
    await plant_window(service, corpus_id, drift(), STEADY)

    page = (await browser.get(f"/evaluations/corpora/{corpus_id}")).text

    assert "Live answers" in page and "fell from 0.90 to 0.70" in page
    assert FAITHFULNESS in page and SUPPORT not in page.split("<table")[1].split("</thead>")[0]


async def test_the_page_says_when_nothing_drifts(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id)
    await plant_window(service, corpus_id, STEADY)

    assert (
        "none of the figures that could be compared has drifted (1 of 1)"
        in (await browser.get(f"/evaluations/corpora/{corpus_id}")).text
    )


async def test_the_page_says_that_nothing_was_scored(browser: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    assert "No answers were scored" in (await browser.get(f"/evaluations/corpora/{corpus_id}")).text
