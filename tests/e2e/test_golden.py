"""The page of golden questions: from a suggestion to an accepted question, by mouse, keyboard and phone."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.talking import ask, fits_width
from tests.running import RunningService

PUBLISHED = "Every sentence of an answer carries a citation that shows the exact words it rests on."


@pytest.fixture
def golden(page: Page) -> Page:
    """The golden questions of the sample corpus, by the link on the page of the corpus."""
    open_golden(page)
    return page


def open_golden(page: Page) -> None:
    page.goto("/library")
    page.get_by_role("link", name="handbook").click()
    page.get_by_role("link", name="Golden questions").click()
    page.locator("#questions .golden").first.wait_for()


def show(page: Page, state: str) -> None:
    page.get_by_role("radio", name=state).press(" ")


def row(page: Page, question: str) -> Locator:
    return page.locator("#questions .golden", has_text=question)


def a_question(page: Page, name: str, *, quote: str = "") -> str:
    """Write a question in the dialog and save it."""
    question = f"{name} {uuid.uuid4().hex[:8]}?"
    page.get_by_role("button", name="Add a question").click()
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_label(re.compile("Right answers")).fill("a citation\nits citation")
    if quote:
        page.get_by_role("button", name="Add a quote").click()
        page.get_by_label("Document", exact=True).fill("01-what-it-is.md")
        page.get_by_label("Its words").fill(quote)
    page.get_by_role("button", name="Save").click()
    return question


def planted(service: RunningService) -> dict[str, Any]:
    """Add a question with an answer of two lines and a quote with other white space than a form keeps."""
    quote = {"document_key": "01-what-it-is.md", "text": f" {PUBLISHED}\r\n"}
    body = {"question": f"What of {uuid.uuid4().hex}?", "answers": ["one\ntwo", "three"], "quotes": [quote]}
    with service.client() as client:
        made: dict[str, Any] = client.post("/v1/corpora/handbook/golden", json=body).raise_for_status().json()
    return made


def change(service: RunningService, question: dict[str, Any], **content: str) -> None:
    """Change a question as somebody else does."""
    with service.client() as client:
        client.patch(f"/v1/corpora/handbook/golden/{question['id']}", json=content).raise_for_status()


def test_the_handbook_comes_with_its_golden_questions(golden: Page) -> None:
    first_count = golden.locator('[data-count="accepted"]')

    expect(first_count).not_to_have_text("0")
    expect(golden.locator("#gate")).to_be_hidden()


def test_a_question_is_written_changed_and_removed(golden: Page) -> None:
    question = a_question(golden, "What carries a sentence", quote=PUBLISHED)
    expect(row(golden, question).locator("blockquote")).to_contain_text(PUBLISHED)

    row(golden, question).get_by_role("button", name="Edit").click()
    golden.get_by_label("Note").fill("seen in chapter one")
    golden.get_by_role("button", name="Save").click()
    expect(row(golden, question)).to_contain_text("seen in chapter one")

    row(golden, question).get_by_role("button", name="Remove").click()
    golden.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row(golden, question)).to_have_count(0)


def test_an_edit_sends_nothing_but_what_was_changed(golden: Page, service: RunningService) -> None:
    kept = planted(service)
    open_golden(golden)
    show(golden, "Accepted")
    row(golden, kept["question"]).get_by_role("button", name="Edit").click()

    golden.get_by_label("Note").fill("seen")
    with golden.expect_request(lambda request: request.method == "PATCH") as sent:
        golden.get_by_role("button", name="Save").click()

    assert sent.value.post_data_json == {"note": "seen", "edits": kept["edits"]}


def test_what_somebody_else_changed_meanwhile_is_told_and_not_overwritten(
    golden: Page, service: RunningService
) -> None:
    kept = planted(service)
    open_golden(golden)
    show(golden, "Accepted")
    row(golden, kept["question"]).get_by_role("button", name="Edit").click()
    change(service, kept, note="of somebody else")

    golden.get_by_label("Note").fill("mine")
    golden.get_by_role("button", name="Save").click()
    expect(golden.get_by_role("dialog").get_by_role("alert")).to_contain_text("Somebody changed this question")
    golden.get_by_role("button", name="Cancel").click()

    row(golden, kept["question"]).get_by_role("button", name="Edit").click()
    expect(golden.get_by_label("Note")).to_have_value("of somebody else")
    golden.get_by_label("Note").fill("of both")
    golden.get_by_role("button", name="Save").click()
    expect(row(golden, kept["question"])).to_contain_text("of both")


def test_what_stands_beside_a_change_goes_back_to_the_letter(golden: Page, service: RunningService) -> None:
    kept = planted(service)
    open_golden(golden)
    show(golden, "Accepted")
    row(golden, kept["question"]).get_by_role("button", name="Edit").click()

    answers = golden.get_by_label(re.compile("Right answers"))
    answers.fill(f"{answers.input_value()}\nfour")
    golden.get_by_role("button", name="Add a quote").click()
    golden.get_by_label("Document", exact=True).last.fill("01-what-it-is.md")
    golden.get_by_label("Its words").last.fill("Every sentence of an answer")
    with golden.expect_request(lambda request: request.method == "PATCH") as sent:
        golden.get_by_role("button", name="Save").click()

    added = {"document_key": "01-what-it-is.md", "text": "Every sentence of an answer"}
    assert sent.value.post_data_json == {
        "answers": [*kept["answers"], "four"],
        "quotes": [*kept["quotes"], added],
        "edits": kept["edits"],
    }


def test_suggestions_are_asked_for_with_another_seed_each_time(golden: Page) -> None:
    seeds: list[int] = []

    def nothing(route: Route) -> None:
        seeds.append(route.request.post_data_json["seed"])
        route.fulfill(json={"added": 0, "duplicates": 20, "refused": []})

    golden.route("**/golden/synthesise", nothing)
    for _ in range(2):
        with golden.expect_response("**/golden/synthesise"):
            golden.get_by_role("button", name="Suggest questions").click()

    assert len(set(seeds)) == 2


def test_a_quote_that_is_nowhere_is_told_in_the_dialog(golden: Page) -> None:
    a_question(golden, "What is on the moon", quote="Only dust.")

    expect(golden.get_by_role("dialog").get_by_role("alert")).to_contain_text("does not hold “Only dust.”")
    golden.keyboard.press("Escape")
    expect(golden.get_by_role("dialog")).to_be_hidden()


def test_suggestions_are_accepted_and_rejected_several_at_once_with_the_keyboard(golden: Page) -> None:
    golden.get_by_role("button", name="Suggest questions").press("Enter")
    expect(golden.locator("#outcome")).to_contain_text("suggested from the documents")
    shown = golden.locator("#questions .golden")
    before = shown.count()

    shown.nth(0).get_by_role("button", name="Accept").press("Enter")
    expect(shown).to_have_count(before - 1)
    expect(shown.nth(0).get_by_role("button").first).to_be_focused()
    golden.get_by_role("checkbox", name="Select all shown").press(" ")
    golden.get_by_role("button", name="Reject selected").press("Enter")

    expect(golden.locator("#none")).to_contain_text("Nothing waits for review")
    expect(golden.locator('[data-count="proposed"]')).to_have_text("0")


def test_a_file_is_imported_and_says_which_lines_are_none(golden: Page, tmp_path: Path) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text(f'{{"question": "What of {uuid.uuid4().hex}?", "answerable": false}}\nnot json\n')

    golden.locator("#file").set_input_files(path)

    expect(golden.locator("#outcome")).to_have_text("1 imported, 0 there already, 1 refused.")
    expect(golden.locator("#problem")).to_contain_text("Line 2")


def test_a_rated_answer_proposes_its_question(page: Page) -> None:
    answer = ask(page, f"Which file formats can be uploaded to {uuid.uuid4().hex}?")
    answer.get_by_role("button", name="Bad answer").click()
    answer.get_by_role("button", name="Propose as golden question").click()

    answer.get_by_role("link", name="Golden question proposed").press("Enter")

    expect(page.locator("#questions .golden").first).to_contain_text("From a rated answer")


def test_the_page_and_its_dialog_fit_a_phone(phone: Page) -> None:
    open_golden(phone)
    assert fits_width(phone)

    show(phone, "All")
    phone.get_by_role("button", name="Add a question").click()
    phone.get_by_role("button", name="Add a quote").click()

    assert fits_width(phone)
    box = phone.locator("#editor").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 375
