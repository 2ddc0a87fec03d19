"""The gate of a draft on the page of its corpus."""

import httpx
import pytest

from rag_service import web
from rag_service.domain.access import Permission
from tests.api.gated import judge, sealed_draft
from tests.api.parts import Service


@pytest.fixture
async def browser(service: Service) -> httpx.AsyncClient:
    web.install(service.app)
    return service.anonymous()


async def form(service: Service, browser: httpx.AsyncClient, **more: object) -> dict[str, object]:
    session = await service.parts.keys.session(browser.cookies["rag_session"])
    return {"csrf_token": session.csrf_token, "question": ["golden_apples"], "reason": "Meant to be.", **more}


async def test_a_blocked_draft_shows_what_is_worse_and_how_to_accept_it(
    service: Service, browser: httpx.AsyncClient
) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft)
    await browser.post("/login", data={"key": service.secret})

    page = (await browser.get(f"/library/{draft.corpus_id}")).text

    assert ">Blocked: 2 golden questions are worse</span>" in page
    assert "What about apples?" in page and "<strong>a.md</strong> no longer holds the quote" in page
    assert 'value="golden_pears"' in page and "The gate is weak with 2" in page


async def test_accepting_on_the_page_is_shown_with_its_reason(service: Service, browser: httpx.AsyncClient) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft)
    await browser.post("/login", data={"key": service.secret})
    address = f"/library/{draft.corpus_id}"

    response = await browser.post(
        f"{address}/drafts/{draft.id}/acceptances", data=await form(service, browser, reason="Meant <so>.")
    )

    assert (response.status_code, response.headers["location"]) == (303, f"{address}#versions")
    page = (await browser.get(address)).text
    assert "Meant &lt;so&gt;." in page and ">Blocked: 1 golden question is worse</span>" in page


@pytest.mark.parametrize(
    ("wrong", "status"), [({"csrf_token": "guess"}, 403), ({"reason": " "}, 400), ({"question": []}, 400)]
)
async def test_a_form_that_cannot_be_accepted_says_why(
    service: Service, browser: httpx.AsyncClient, wrong: dict[str, object], status: int
) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft)
    await browser.post("/login", data={"key": service.secret})

    response = await browser.post(
        f"/library/{draft.corpus_id}/drafts/{draft.id}/acceptances", data=await form(service, browser, **wrong)
    )

    assert response.status_code == status and 'role="alert"' in response.text
    assert "Blocked: 2 golden questions" in response.text


async def test_who_may_not_publish_sees_no_form(service: Service, browser: httpx.AsyncClient) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft)
    await browser.post("/login", data={"key": await service.key(Permission.HISTORY)})

    page = (await browser.get(f"/library/{draft.corpus_id}")).text

    assert "Blocked: 2 golden questions" in page
    assert "Accept what is ticked" not in page and 'type="checkbox"' not in page


async def test_a_draft_that_passed_says_so(service: Service, browser: httpx.AsyncClient) -> None:
    draft = await sealed_draft(service)
    await judge(service, draft, ())
    await browser.post("/login", data={"key": service.secret})

    assert ">Passed its gate</span>" in (await browser.get(f"/library/{draft.corpus_id}")).text
