"""A blocked draft on the page of its corpus: what is worse is read, and accepted with a reason."""

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rag_service.catalog.sql_catalog import open_catalog
from rag_service.client import Client
from rag_service.domain.access import system_scope
from rag_service.domain.ids import DraftId, TenantId
from tests.e2e.elsewhere import elsewhere
from tests.e2e.talking import fits_width
from tests.gate_values import golden_question, regression, verdict
from tests.running import RunningService


@pytest.fixture
def address(service: RunningService, tmp_path: Path) -> str:
    """The page of a corpus with a draft that is blocked by two golden questions."""
    corpus, file = f"fruit {uuid.uuid4().hex[:8]}", tmp_path / "apples.md"
    file.write_text("Apples are green.")
    with Client(service.url, service.key) as client:
        corpus_id: str = client.create_corpus(corpus)["id"]
        draft_id: str = client.open_draft(corpus, "spring")["id"]
        client.add_to_draft(corpus, "spring", client.upload_file(file)["id"])
        client.wait_until_prepared(corpus, "spring")
        client.wait_for_job(client.seal_draft(corpus, "spring", purpose="preview")["id"])
    elsewhere(_block(service, DraftId(draft_id)))
    return f"/library/{corpus_id}"


def test_what_is_worse_is_accepted_with_a_reason(page: Page, address: str) -> None:
    page.goto(address)
    draft = page.locator("#versions .version-row", has_text="Draft “spring”")
    expect(draft.locator(".badge")).to_have_text("Blocked: 2 golden questions are worse")
    expect(draft).to_contain_text("apples.md no longer holds the quote")

    draft.get_by_label("Accept that this is worse").first.check()
    draft.get_by_role("button", name="Accept what is ticked").click()
    expect(draft.get_by_label("Why is that acceptable?")).to_be_focused()  # a reason is needed
    draft.get_by_label("Why is that acceptable?").fill("Apples are green now.")
    draft.get_by_role("button", name="Accept what is ticked").click()

    expect(draft.locator(".badge")).to_have_text("Blocked: 1 golden question is worse")
    expect(draft.locator(".accepted")).to_contain_text("Apples are green now.")


def test_a_blocked_draft_fits_a_phone(phone: Page, address: str) -> None:
    phone.goto(address)

    expect(phone.get_by_role("button", name="Accept what is ticked")).to_be_visible()
    assert fits_width(phone)


async def _block(service: RunningService, draft_id: DraftId) -> None:
    async with (
        open_catalog(f"sqlite+aiosqlite:///{service.data_dir / 'catalog.db'}") as catalog,
        catalog.writing() as tx,
    ):
        scope = system_scope(TenantId("tenant_default"))
        draft = await tx.drafts.get(scope, draft_id)
        names = [f"{fruit} {draft_id}" for fruit in ("apples", "pears")]
        await tx.golden.add(scope, [golden_question(draft.tenant_id, draft.corpus_id, name) for name in names])
        worse = [regression(name, key="apples.md") for name in names]
        await tx.gates.put(scope, verdict(draft, worse=worse))
