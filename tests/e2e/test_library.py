"""The library: from a file to an answer, and what is said about a file that cannot be read."""

import uuid

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from rag_service.reasons import ADVICE, ReasonCode
from tests.e2e.talking import ask, fits_width

PUBLISHING_LIMIT_MS = 240_000
NOTE = "# Parking\n\nThe car park of the Lindenhof closes at 22:30 every evening.\n"


@pytest.fixture
def corpus(page: Page) -> str:
    """A new corpus, made on its page, which stays open."""
    name = f"notes {uuid.uuid4().hex[:8]}"
    page.goto("/library")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    return name


def choose(page: Page, name: str, mime_type: str, content: bytes) -> None:
    page.locator("#files").set_input_files(FilePayload(name=name, mimeType=mime_type, buffer=content))


def test_an_uploaded_file_becomes_ready_and_answers(page: Page, corpus: str) -> None:
    choose(page, "parking.md", "text/markdown", NOTE.encode())
    row = page.locator("#documents .file", has_text="parking.md")
    expect(row.locator(".badge")).to_have_text("Ready", timeout=PUBLISHING_LIMIT_MS)

    page.get_by_role("link", name="Ask this corpus").click()
    answer = ask(page, "When does the car park of the Lindenhof close?")

    expect(answer.locator(".answer-text")).to_contain_text("22:30")


def test_the_name_of_a_ready_document_leads_to_its_text(page: Page, corpus: str) -> None:
    choose(page, "parking.md", "text/markdown", NOTE.encode())

    page.get_by_role("link", name="parking.md").click(timeout=PUBLISHING_LIMIT_MS)

    expect(page.get_by_text("closes at 22:30")).to_be_visible()


def test_a_file_chosen_before_the_script_runs_is_uploaded(page: Page, corpus: str) -> None:
    def choose_first(script: Route) -> None:
        choose(page, "early.md", "text/markdown", NOTE.encode())
        script.continue_()

    page.route("**/corpus.js", choose_first)
    page.reload()

    row = page.locator("#documents .file", has_text="early.md")
    expect(row.locator(".badge")).to_have_text("Ready", timeout=PUBLISHING_LIMIT_MS)


def test_a_damaged_pdf_fails_with_its_advice(page: Page, corpus: str) -> None:
    choose(page, "broken.pdf", "application/pdf", b"%PDF-1.7\n" + b"\x00garbage" * 64)

    row = page.locator("#documents .file", has_text="broken.pdf")
    expect(row.locator(".badge")).to_have_text("Failed", timeout=PUBLISHING_LIMIT_MS)
    expect(row.locator(".advice")).to_contain_text(ADVICE[ReasonCode.DAMAGED])


def test_a_removed_document_leaves_the_list(page: Page, corpus: str) -> None:
    choose(page, "parking.md", "text/markdown", NOTE.encode())
    row = page.locator("#documents .file", has_text="parking.md")
    expect(row.locator(".badge")).to_have_text("Ready", timeout=PUBLISHING_LIMIT_MS)

    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(row).to_have_count(0, timeout=PUBLISHING_LIMIT_MS)


def test_watching_a_file_keeps_its_row(page: Page, corpus: str) -> None:
    choose(page, "parking.md", "text/markdown", NOTE.encode())
    row = page.locator("#documents .file", has_text="parking.md")
    row.wait_for()
    row.evaluate("row => { row.dataset.same = 'yes' }")

    expect(row.locator(".badge")).to_have_text("Ready", timeout=PUBLISHING_LIMIT_MS)

    assert row.get_attribute("data-same") == "yes"


def test_a_name_without_meaning_is_refused_in_words(page: Page) -> None:
    page.goto("/library")
    page.get_by_label("Name").fill("a@b")

    page.get_by_role("button", name="Create").click()

    expect(page.get_by_role("alert")).to_contain_text("name")


def test_the_library_fits_a_phone(phone: Page) -> None:
    phone.goto("/library")
    phone.get_by_role("link", name="handbook").click()
    phone.locator("#documents .file").first.wait_for()

    assert fits_width(phone)
