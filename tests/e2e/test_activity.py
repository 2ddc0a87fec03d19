"""The activity page: background work as it goes on, and what people do about it."""

import uuid

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from rag_service.reasons import ADVICE, ReasonCode
from tests.e2e.talking import fits_width
from tests.running import RunningService

DEATH_LIMIT_MS = 240_000
BROKEN_PDF = b"%PDF-1.7\n" + b"\x00garbage" * 64


@pytest.fixture
def broken(service: RunningService) -> str:
    """Name of a file that was uploaded and cannot be read."""
    name = f"broken-{uuid.uuid4().hex[:8]}.pdf"
    with service.client() as client:
        corpus = _sent(client, "/v1/vector_stores", json={"name": f"activity {uuid.uuid4().hex[:8]}"})
        file = _sent(client, "/v1/files", files={"file": (name, BROKEN_PDF)})
        _sent(client, f"/v1/vector_stores/{corpus['id']}/files", json={"file_id": file["id"]})
    return name


def _sent(client: httpx.Client, path: str, **request: object) -> dict[str, str]:
    reply: dict[str, str] = client.post(path, **request).raise_for_status().json()  # type: ignore[arg-type]
    return reply


def dead_job(page: Page, name: str) -> Locator:
    row = page.locator("#attention .job", has_text=name)
    expect(row.locator(".badge")).to_have_text("Failed", timeout=DEATH_LIMIT_MS)
    return row


def test_the_navigation_leads_to_the_activity(page: Page) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Activity").click()

    expect(page.get_by_role("heading", name="Activity", exact=True)).to_be_visible()


def test_a_job_that_failed_for_good_says_what_to_do(page: Page, broken: str) -> None:
    page.goto("/activity")

    expect(dead_job(page, broken).locator(".advice")).to_have_text(ADVICE[ReasonCode.DAMAGED])


def test_a_dead_job_is_tried_again_with_the_keyboard(page: Page, broken: str) -> None:
    page.goto("/activity")
    dead_job(page, broken).get_by_role("button", name="Try again").focus()

    with page.expect_response("**/v1/jobs/*/retry") as retried:
        page.keyboard.press("Enter")

    assert retried.value.ok


def test_the_activity_fits_a_phone(phone: Page, broken: str) -> None:
    phone.goto("/activity")
    dead_job(phone, broken)

    assert fits_width(phone)
