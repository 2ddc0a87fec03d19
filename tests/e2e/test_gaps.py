"""The page of content gaps: from questions that were left open to a golden question, by keyboard and on a phone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.talking import fits_width
from tests.running import RunningService

CLIFFS = (
    "Which birds nest on the cliffs of Iceland?",
    "What birds nest on Icelandic cliffs?",
    "Do puffin birds nest on the cliffs of Iceland?",
)
LONE = "Who composed the opera about a flying Dutchman?"


@pytest.fixture(scope="module")
def asked(service: RunningService) -> RunningService:
    """A service whose handbook was asked what it does not say."""
    with service.client() as client:
        for question in (*CLIFFS, LONE):
            body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
            reply = client.post("/v1/chat/completions", json=body).raise_for_status().json()
            assert reply["x_rag"]["status"] == "abstained"
    return service


def open_gaps(page: Page, service: RunningService) -> Locator:
    """Go to the gaps of the handbook by the link on its evaluations; return the gap of the cliffs."""
    with service.client() as client:
        corpora = client.get("/v1/vector_stores", params={"limit": 100}).raise_for_status().json()["data"]
    corpus_id = next(str(corpus["id"]) for corpus in corpora if corpus["name"] == "handbook")
    page.goto(f"/evaluations/corpora/{corpus_id}")
    page.get_by_role("link", name="Content gaps").press("Enter")
    gap = page.locator("#found .gap", has_text="cliffs")
    gap.wait_for()
    return gap


def test_questions_about_one_thing_stand_together_with_their_counts(page: Page, asked: RunningService) -> None:
    gap = open_gaps(page, asked)

    expect(gap.get_by_role("heading")).to_contain_text("birds")
    expect(gap).to_contain_text("not answered")
    expect(page.locator("#outcome")).to_contain_text("open questions")


def test_a_lone_question_is_listed_apart(page: Page, asked: RunningService) -> None:
    open_gaps(page, asked)

    page.locator("#alone summary").press("Enter")

    expect(page.locator("#alone")).to_contain_text(LONE)


def test_a_gap_becomes_a_golden_question_to_review_with_the_keyboard_alone(page: Page, asked: RunningService) -> None:
    gap = open_gaps(page, asked)
    gap.get_by_role("button", name="Add as golden question").press("Enter")
    link = gap.get_by_role("link", name="Golden question proposed")
    expect(link).to_be_focused()

    page.keyboard.press("Enter")

    row = page.locator("#questions .golden", has_text="cliffs")
    expect(row).to_contain_text("From questions without an answer")
    expect(open_gaps(page, asked)).to_contain_text("A golden question asks this.")


def test_another_window_is_looked_through_by_keyboard(page: Page, asked: RunningService) -> None:
    open_gaps(page, asked)
    with page.expect_response(lambda response: response.url.endswith("/gaps?days=90")):
        page.get_by_label("Questions of the last").select_option("90")

    expect(page.locator("#found .gap", has_text="cliffs")).to_be_visible()


def test_the_page_fits_a_phone(phone: Page, asked: RunningService) -> None:
    gap = open_gaps(phone, asked)
    gap.get_by_text("Other wordings").click()

    assert fits_width(phone)
