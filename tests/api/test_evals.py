"""/v1/evals. Runs are planted in the catalog: nothing is asked here."""

import json

import httpx
import pytest

from rag_service.domain.access import Permission, system_scope
from rag_service.domain.evaluations import EvalRunState, RunPurpose
from rag_service.domain.golden import GoldenState
from rag_service.domain.ids import CorpusId
from tests.api.background import publish_uploads
from tests.api.parts import Service
from tests.api.planted_runs import plant
from tests.evaluation_values import MADE_WITH, abstained, figure, golden, result, results, run, showing

EVALS = "/v1/evals"
ASKED = {"role": "user", "content": "When does it close?"}


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    """A corpus with version 1 published and one accepted golden question."""
    corpus_id = CorpusId(await service.corpus())
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(service.scope, [golden(corpus_id=corpus_id, tenant_id=service.scope.tenant_id)])
    return corpus_id


async def test_runs_are_listed_newest_first_and_by_suite(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    for day, suite in enumerate(("golden", "golden", "squad"), start=1):
        await plant(service, corpus_id, run(day=day, suite=suite))

    every = (await client.get(EVALS, params={"corpus": "handbook"})).json()
    first = (await client.get(EVALS, params={"suite": "golden", "limit": 1})).json()
    second = (await client.get(EVALS, params={"suite": "golden", "limit": 1, "after": first["last_id"]})).json()

    assert [one["id"] for one in every["data"]] == ["eval_3", "eval_2", "eval_1"]
    assert (first["last_id"], first["has_more"], second["last_id"], second["has_more"]) == (
        "eval_2",
        True,
        "eval_1",
        False,
    )


async def test_a_run_tells_its_figures_with_what_is_missing(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    lost = figure("ragas: faithfulness", None, missing={"the judge is silent": 10}, target=0.8)
    await plant(service, corpus_id, run(figures=(figure(), lost), judge="model@1"))

    found = (await client.get(f"{EVALS}/eval_1")).json()

    assert (found["corpus_id"], found["version"], found["judge"], found["passed"]) == (corpus_id, 1, "model@1", False)
    assert found["figures"][1] == {
        "name": "ragas: faithfulness", "value": None, "low": None, "high": None, "measured": 0, "total": 10,
        "missing": {"the judge is silent": 10}, "target": 0.8, "passed": False,
    }  # fmt: skip


async def test_results_come_in_pages(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(), results([0.1, 0.2, 0.3]))

    first = (await client.get(f"{EVALS}/eval_1/results", params={"limit": 2, "order": "asc"})).json()
    rest = (
        await client.get(f"{EVALS}/eval_1/results", params={"limit": 2, "order": "asc", "after": first["last_id"]})
    ).json()

    assert [one["id"] for one in first["data"]] == ["gold_1", "gold_2"] and first["has_more"]
    assert [one["scores"] for one in rest["data"]] == [{"recall@5": 0.3}] and not rest["has_more"]


async def test_a_result_has_its_evidence(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(), [result(recall=None)])

    found = (await client.get(f"{EVALS}/eval_1/results/gold_1")).json()

    assert found["missing"] == {"recall@5": "could not be measured"}
    assert found["evidence"]["cited"][0]["quote"] == "The car park closes at 22:30"


async def test_every_row_names_the_judge(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(judge="model@1"), [result()])

    exported = (await client.get(f"{EVALS}/eval_1/export")).text.splitlines()
    page = (await client.get(f"{EVALS}/eval_1/results")).json()["data"]
    one = (await client.get(f"{EVALS}/eval_1/results/gold_1")).json()

    assert [row["judge"] for row in (*map(json.loads, exported), *page, one)] == ["model@1"] * 4


async def test_a_result_that_shows_what_a_key_may_not_see_is_left_out(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await client.post("/v1/chat/completions", json={"model": "handbook", "messages": [ASKED]})  # brings doc_a along
    run_id = await plant(service, corpus_id, run(), [showing(result(), "doc_a")])

    async with service.parts.catalog.reading() as tx:
        assert await tx.eval_runs.results(system_scope(service.scope.tenant_id), run_id)
    assert (await client.get(f"{EVALS}/eval_1/results")).json()["data"] == []
    assert (await client.get(f"{EVALS}/eval_1/results/gold_1")).status_code == 404
    assert len((await client.get(f"{EVALS}/eval_1/export")).text.splitlines()) == 1


async def test_an_export_is_the_run_and_then_a_line_for_each_case(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(), results([0.1, 0.2]))

    reply = await client.get(f"{EVALS}/eval_1/export")

    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["object"] for line in reply.text.splitlines()] == [
        "evaluation.run",
        "evaluation.result",
        "evaluation.result",
    ]


async def test_two_runs_are_compared(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(day=1), [result(f"gold_{n}") for n in range(8)])
    stricter = run(day=2, made_with=MADE_WITH | {"prompt": "v2"})
    await plant(service, corpus_id, stricter, [result(f"gold_{n}", abstained(), recall=0.0) for n in range(8)])

    found = (await client.get(f"{EVALS}/compare", params={"a": "eval_1", "b": "eval_2"})).json()

    assert (found["worse"], found["common"], found["documents"]) == (True, 8, None)
    assert (found["metrics"][0]["difference"], found["metrics"][0]["turn"]) == (-1.0, "worse")
    assert found["outcomes"][0] | {"p_value": 0} == {
        "name": "answers or abstains rightly", "pairs": 8, "before": 8, "after": 0, "lost": 8, "won": 0, "p_value": 0,
        "turn": "worse",
    }  # fmt: skip
    assert found["questions"][0]["reasons"] == ["is no longer answered", "no longer cites a gold quote"]
    assert found["causes"] == [{"name": "prompt", "before": "v1", "after": "v2", "worse_questions": 8}]
    assert (found["questions"][0]["causes"], found["unexplained"]) == (["prompt"], 0)


async def test_runs_over_different_corpora_are_not_compared(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(day=1))
    await plant(service, await service.corpus("other"), run(day=2))

    assert (await client.get(f"{EVALS}/compare", params={"a": "eval_1", "b": "eval_2"})).status_code == 400


async def test_a_trend_marks_what_changed_and_leaves_drafts_out(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(day=1))
    await plant(service, corpus_id, run(day=2, draft_id="draft_1", number=2))
    await plant(service, corpus_id, run(day=3, purpose=RunPurpose.GATE))
    await plant(service, corpus_id, run(day=4, state=EvalRunState.FAILED))
    await plant(service, corpus_id, run(day=5, number=3))

    trend = (await client.get("/v1/corpora/handbook/evals/trends", params={"suite": "golden"})).json()

    assert [point["run"]["id"] for point in trend["points"]] == ["eval_1", "eval_5"]
    assert trend["points"][1]["changes"] == [{"name": "version", "before": "1", "after": "3"}]


async def test_a_run_is_started_with_its_job(service: Service, client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    await publish_uploads(service, corpus_id)

    reply = await client.post(EVALS, json={"corpus": "handbook"})

    run_out, job = reply.json()["run"], reply.json()["job"]
    assert reply.status_code == 202
    assert (run_out["state"], run_out["suite"], run_out["total"], run_out["version"]) == ("queued", "golden", 1, None)
    assert (job["kind"], job["subject"], job["corpus"]) == ("run_suite", run_out["id"], "handbook")


async def test_a_run_that_waits_already_is_not_added_again(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await publish_uploads(service, corpus_id)
    await client.post(EVALS, json={"corpus": "handbook"})

    assert (await client.post(EVALS, json={"corpus": "handbook"})).status_code == 409


async def test_a_run_whose_job_was_cancelled_does_not_stand_in_the_way(
    service: Service, client: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await publish_uploads(service, corpus_id)
    started = (await client.post(EVALS, json={"corpus": "handbook"})).json()
    await client.post(f"/v1/jobs/{started['job']['id']}/cancel")

    assert (await client.post(EVALS, json={"corpus": "handbook"})).status_code == 202


async def test_a_corpus_without_accepted_questions_says_what_to_do(service: Service, client: httpx.AsyncClient) -> None:
    corpus_id = await service.corpus()
    async with service.parts.catalog.writing() as tx:
        proposed = golden(corpus_id=corpus_id, tenant_id=service.scope.tenant_id, state=GoldenState.PROPOSED)
        await tx.golden.add(service.scope, [proposed])

    reply = await client.post(EVALS, json={"corpus": "handbook"})

    assert reply.status_code == 409
    assert "no accepted golden questions" in reply.json()["error"]["message"]


async def test_nothing_published_is_nothing_to_ask(client: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    reply = await client.post(EVALS, json={"corpus": "handbook"})

    assert (reply.status_code, "published" in reply.json()["error"]["message"]) == (409, True)


@pytest.mark.parametrize("version", ["draft", "7", "released"])
async def test_a_version_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, corpus_id: CorpusId, version: str
) -> None:
    assert (await client.post(EVALS, json={"corpus": "handbook", "version": version})).status_code == 404
    assert (await client.post(EVALS, json={"corpus": f"handbook@{version}"})).status_code == 404


@pytest.mark.parametrize(
    "path", ["", "/eval_1", "/eval_1/results", "/eval_1/results/gold_1", "/eval_1/export", "/compare?a=eval_1&b=eval_1"]
)
async def test_evaluations_are_for_keys_that_may_evaluate(service: Service, corpus_id: CorpusId, path: str) -> None:
    await plant(service, corpus_id, run(), [result()])

    async with service.client(await service.key(Permission.EVAL)) as evaluator:
        assert (await evaluator.get(EVALS + path)).status_code == 200
    async with service.client(await service.key(Permission.CHAT, Permission.PUBLISH)) as other:
        assert (await other.get(EVALS + path)).status_code == 404


async def test_what_a_draft_answered_is_for_those_who_may_publish_it(service: Service, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(number=7, draft_id="draft_1"), [result()])
    words = ("/results", "/results/gold_1", "/export")

    async with service.client(await service.key(Permission.EVAL)) as evaluator:
        assert (await evaluator.get(f"{EVALS}/eval_1")).status_code == 200
        assert {(await evaluator.get(f"{EVALS}/eval_1{path}")).status_code for path in words} == {404}
    async with service.client(await service.key(Permission.EVAL, Permission.PUBLISH)) as publisher:
        assert {(await publisher.get(f"{EVALS}/eval_1{path}")).status_code for path in words} == {200}


async def test_another_tenant_sees_no_run(service: Service, corpus_id: CorpusId) -> None:
    await plant(service, corpus_id, run(), [result()])
    secret, _ = await service.other_tenant()

    async with service.client(secret) as theirs:
        assert (await theirs.get(f"{EVALS}/eval_1")).status_code == 404
        assert (await theirs.get(EVALS)).json()["data"] == []
