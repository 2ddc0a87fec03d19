"""The pages of evaluations, with runs planted in the catalog."""

import httpx
import pytest

from rag_service import web
from rag_service.domain.access import Permission
from rag_service.domain.evaluations import EvalRunState
from rag_service.domain.ids import CorpusId
from tests.api.background import publish_uploads
from tests.api.parts import Service
from tests.api.planted_runs import plant
from tests.evaluation_values import MADE_WITH, abstained, evidence, figure, golden, result, run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def corpus_id(service: Service) -> CorpusId:
    return CorpusId(await service.corpus())


@pytest.fixture
async def browser(service: Service) -> httpx.AsyncClient:
    """A browser that is signed in as somebody who may evaluate."""
    web.install(service.app)
    browser = service.anonymous()
    await browser.post("/login", data={"key": await service.key(Permission.EVAL, Permission.CHAT)})
    return browser


async def token_of(service: Service, browser: httpx.AsyncClient) -> str:
    token: str = (await service.parts.keys.session(browser.cookies["rag_session"])).csrf_token
    return token


async def test_the_only_corpus_is_shown_at_once(browser: httpx.AsyncClient, corpus_id: CorpusId) -> None:
    response = await browser.get("/evaluations")

    assert (response.status_code, response.headers["location"]) == (303, f"/evaluations/corpora/{corpus_id}")


async def test_several_corpora_are_listed_with_their_newest_run(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await service.corpus("contracts")
    await plant(service, corpus_id, run(figures=(figure(target=0.9),)))

    page = (await browser.get("/evaluations")).text

    assert "A target was missed" in page and "never measured" in page


async def test_a_corpus_that_was_never_measured_says_how_to_begin(
    browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    page = (await browser.get(f"/evaluations/corpora/{corpus_id}")).text

    assert "rag eval run golden" in page and f"/library/{corpus_id}/golden" in page


async def test_a_trend_has_a_table_beside_its_pictures(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(day=1))
    await plant(service, corpus_id, run(day=2, number=2))

    page = (await browser.get(f"/evaluations/corpora/{corpus_id}")).text

    assert page.count("<svg") == 1 and "version 1 → 2" in page
    assert "No language model judged" in page


async def test_a_run_that_could_not_be_measured_says_why(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(state=EvalRunState.FAILED, figures=(), error="the index is down"))

    assert "the index is down" in (await browser.get("/evaluations/runs/eval_1")).text
    assert "Runs outside of the trend" in (await browser.get(f"/evaluations/corpora/{corpus_id}")).text


async def test_cases_are_chosen_by_what_is_wrong_with_them(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    found = [result("gold_1"), result("gold_2", abstained(question="How late is it?"))]
    await plant(service, corpus_id, run(), found)

    page = (await browser.get("/evaluations/runs/eval_1", params={"show": "wrong"})).text

    assert "How late is it?" in page and "When does the car park close?" not in page


async def test_a_case_leads_to_the_quotes_in_their_documents(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(), [result()])

    page = (await browser.get("/evaluations/runs/eval_1/cases/gold_1")).text

    assert "/sources/doc_1/1?start=0&amp;end=28#quote" in page
    assert "Its passage was found at place 1." in page and "Holds the gold quote" in page


@pytest.mark.parametrize(("cost", "told"), [({"amount": 0.00045, "currency": "EUR"}, ", 0.00045 EUR."), (None, ".")])
async def test_a_case_shows_tokens_and_cost_where_it_is_known(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId, cost: object, told: str
) -> None:
    seen = evidence(tokens={"prompt": 2000, "completion": 250}, cost=cost)
    await plant(service, corpus_id, run(), [result(seen=seen)])

    page = (await browser.get("/evaluations/runs/eval_1/cases/gold_1")).text

    assert f"; tokens: 2000 read, 250 written{told}</p>" in page


async def test_a_comparison_tells_what_may_be_why_from_what_cannot_be(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(day=1), [result()])
    otherwise = MADE_WITH | {"prompt version": "careless", "dense weight": "0.1"}
    await plant(service, corpus_id, run(day=2, made_with=otherwise), [result(seen=abstained())])

    page = (await browser.get("/evaluations/compare?a=eval_1&b=eval_2")).text

    why, others = page.split("cannot be why")
    assert "<strong>prompt version</strong>" in why and "1 of 1 worse question" in why
    assert "dense weight" in others.split("</section>")[0] and "dense weight" not in why
    assert "What may be why: prompt version" in others


async def test_what_documents_and_people_say_is_text_on_every_page(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    seen = evidence(HOSTILE, answer=HOSTILE, expected=[HOSTILE], cited=[])
    await plant(service, corpus_id, run(day=1), [result(seen=seen)])
    await plant(service, corpus_id, run(day=2), [result(seen=seen | {"answer": f"{HOSTILE}!"})])

    for path in ("runs/eval_2", "runs/eval_2/cases/gold_1", "compare?a=eval_1&b=eval_2"):
        page = (await browser.get(f"/evaluations/{path}")).text

        assert HOSTILE not in page and "&lt;script&gt;" in page
    report = (await browser.get("/v1/evals/eval_2/report")).text
    assert HOSTILE not in report and "&lt;script&gt;" in report


async def test_a_report_is_a_file_not_a_page_of_ours(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(), [result()])

    reply = await browser.get("/v1/evals/eval_1/report")

    assert reply.headers["content-disposition"] == 'attachment; filename="eval_1.html"'
    assert "handbook, version 1" in reply.text and "<script" not in reply.text


async def test_a_run_is_started_from_the_page(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(service.scope, [golden(corpus_id=corpus_id, tenant_id=service.scope.tenant_id)])
    await publish_uploads(service, corpus_id)

    reply = await browser.post(
        f"/evaluations/corpora/{corpus_id}/start", data={"csrf_token": await token_of(service, browser)}
    )

    assert reply.status_code == 303
    page = (await browser.get(reply.headers["location"])).text
    assert "It waits for an evaluation worker." in page


async def test_a_corpus_without_golden_questions_is_not_measured_and_the_page_says_why(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    reply = await browser.post(
        f"/evaluations/corpora/{corpus_id}/start", data={"csrf_token": await token_of(service, browser)}
    )

    assert (reply.status_code, "no accepted golden questions" in reply.text) == (409, True)


async def test_a_form_of_another_site_starts_nothing(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    reply = await browser.post(f"/evaluations/corpora/{corpus_id}/start", data={"csrf_token": "guess"})

    assert (reply.status_code, "Nothing was started" in reply.text) == (403, True)


@pytest.mark.parametrize("path", ["", "/runs/eval_1", "/runs/eval_1/cases/gold_1", "/compare?a=eval_1&b=eval_1"])
async def test_the_pages_are_for_those_who_may_evaluate(service: Service, corpus_id: CorpusId, path: str) -> None:
    web.install(service.app)
    await plant(service, corpus_id, run(), [result()])
    reader = service.anonymous()
    await reader.post("/login", data={"key": await service.key(Permission.CHAT, Permission.PUBLISH)})

    response = await reader.get(f"/evaluations{path}")

    assert response.status_code == 404
    assert 'href="/evaluations"' not in (await reader.get("/library")).text


async def test_the_figures_of_a_draft_are_shown_to_those_who_may_not_read_what_it_answered(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    await plant(service, corpus_id, run(number=7, draft_id="draft_1", done=1), [result()])

    reply = await browser.get("/evaluations/runs/eval_1")

    assert (reply.status_code, "recall@5" in reply.text) == (200, True)
    assert "1 question is hidden" in reply.text and "When does the car park close?" not in reply.text
    assert "/export" not in reply.text
    assert (await browser.get("/evaluations/runs/eval_1/cases/gold_1")).status_code == 404


async def test_the_agreement_of_the_verifier_with_people_stands_beside_its_scores(
    service: Service, browser: httpx.AsyncClient, corpus_id: CorpusId
) -> None:
    run_id = await plant(service, corpus_id, run(figures=(figure("faithfulness (verifier)"),)))
    pages = [f"/evaluations/runs/{run_id}", f"/evaluations/corpora/{corpus_id}"]
    assert all(["is not measured" in (await browser.get(page)).text for page in pages])
    assert "rag eval agreement" in (await browser.get(f"{pages[1]}?suite=agreement")).text

    kappa = figure("Cohen's kappa (verifier)", 0.5)
    measured = await plant(service, corpus_id, run(day=2, suite="agreement", figures=(kappa,)))

    assert all(["kappa 0.50 (0.40 to 0.60), 10 of 10" in (await browser.get(page)).text for page in pages])
    assert "are no longer kept" not in (await browser.get(f"/evaluations/runs/{measured}")).text
