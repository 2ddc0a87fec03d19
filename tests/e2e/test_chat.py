"""The chat page over the sample corpus."""

import json
import re

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.talking import BEYOND, FORMATS, ask, choose_corpus, ended, fits_width


def test_an_example_question_is_answered_with_marked_sentences(page: Page) -> None:
    choose_corpus(page, "handbook")

    page.get_by_role("button", name=FORMATS).click()

    answer = ended(page)
    expect(answer.locator(".answer-text")).to_contain_text("PDF")
    expect(answer.locator(".mark").first).to_be_visible()
    expect(answer.locator(".status")).to_have_text(re.compile("Answered from the documents|Partly answered"))


def test_a_mark_opens_the_source_with_the_cited_words_highlighted(page: Page) -> None:
    answer = ask(page, FORMATS)

    answer.locator(".mark").first.click()

    expect(page.locator("#source mark").first).to_be_in_viewport()
    assert answer.locator(".cited").first.inner_text().strip() in page.locator("#source mark").first.inner_text()
    expect(page.locator("#source-place")).to_contain_text("handbook@")


def test_the_whole_road_works_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.type(FORMATS)
    page.keyboard.press("Enter")
    answer = ended(page)
    answer.locator(".mark").first.focus()

    page.keyboard.press("Enter")
    expect(page.locator("#source-title")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.locator("#source")).to_be_hidden()
    expect(answer.locator(".mark").first).to_be_focused()


def test_a_mark_is_reached_with_the_tab_key(page: Page) -> None:
    answer = ask(page, FORMATS)
    page.locator("#conversation").focus()

    reached = set()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        reached.add(page.evaluate("document.activeElement.className"))

    assert "mark" in reached and answer.is_visible()


def test_the_slash_key_leads_to_the_question(page: Page) -> None:
    page.get_by_role("link", name="Library").focus()

    page.keyboard.press("/")

    expect(page.get_by_label("Your question")).to_be_focused()


def test_an_abstention_is_visible_and_shows_what_is_nearest(page: Page) -> None:
    answer = ask(page, BEYOND)

    expect(answer.locator(".status")).to_have_text("The documents do not say")
    expect(answer.locator(".reason")).not_to_be_empty()


def test_a_thumb_is_stored_with_the_answer(page: Page, service_url: str, admin_key: str) -> None:
    with page.expect_response(lambda response: response.url.endswith("/feedback")) as stored:
        ask(page, FORMATS).get_by_role("button", name="Good answer").click()

    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    assert stored.value.ok
    address = stored.value.url.removesuffix("/feedback")
    assert httpx.get(address, headers={"authorization": f"Bearer {admin_key}"}).status_code == 200


def test_a_follow_up_carries_the_conversation(page: Page) -> None:
    first = ask(page, FORMATS).locator(".answer-text").inner_text()

    with page.expect_request("**/v1/chat/completions") as asked:
        ask(page, "How large may one be?")

    messages = asked.value.post_data_json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"].split()[0] == first.split()[0]


def test_an_earlier_question_is_written_anew_with_the_keyboard_and_what_came_after_it_is_dropped(page: Page) -> None:
    for question in ("How is a key revoked?", "And how is one made?"):
        ask(page, question)
    page.get_by_role("button", name="Edit: How is a key revoked?").press("Enter")
    words = page.get_by_label("Your question, written anew")
    expect(words).to_be_focused()

    words.fill(FORMATS)
    with page.expect_request("**/v1/chat/completions") as asked:
        page.keyboard.press("Enter")

    assert asked.value.post_data_json["messages"] == [{"role": "user", "content": FORMATS}]
    expect(ended(page).locator(".answer-text")).to_contain_text("PDF")
    assert (page.locator(".asked").count(), page.locator(".answer").count()) == (1, 1)


def test_a_question_that_is_written_anew_while_it_is_answered_takes_nothing_of_that_along(page: Page) -> None:
    page.route("**/v1/chat/completions", lambda route: None, times=1)
    page.get_by_label("Your question").fill("How is a key revoked?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Edit: How is a key revoked?").click()

    page.get_by_label("Your question, written anew").fill(FORMATS)
    page.get_by_role("button", name="Ask again").click()

    expect(ended(page).locator(".answer-text")).to_contain_text("PDF")
    assert page.locator(".answer").count() == 1
    with page.expect_request("**/v1/chat/completions") as asked:
        ask(page, "How large may one be?")
    assert [message["role"] for message in asked.value.post_data_json["messages"]] == ["user", "assistant", "user"]


def test_stop_ends_a_running_answer(page: Page) -> None:
    page.route("**/v1/chat/completions", lambda route: None)
    page.get_by_label("Your question").fill(FORMATS)
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".status")).to_have_text("Stopped")
    expect(page.get_by_label("Your question")).to_be_focused()


def test_an_error_is_told_in_words_and_can_be_retried(page: Page) -> None:
    problem = {"error": {"message": "The index is away.", "type": "unavailable", "param": None, "code": None}}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=503, json=problem), times=1)
    page.get_by_label("Your question").fill(FORMATS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The index is away.")

    page.get_by_role("button", name="Try again").click()

    expect(ended(page).locator(".mark").first).to_be_visible()


def test_what_the_search_did_without_is_told_beside_the_sources(page: Page) -> None:
    told = {"status": "answered", "degraded_reasons": ["embedding", "rerank"]}
    chunks = [{"delta": {"content": "PDF."}}, {"delta": {}, "finish_reason": "stop"}]
    lines = [f"data: {json.dumps({'choices': [chunk], 'x_rag': told})}\n\n" for chunk in chunks]
    stream = {"body": "".join([*lines, "data: [DONE]\n\n"]), "content_type": "text/event-stream"}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(**stream), times=1)

    answer = ask(page, FORMATS)

    expect(answer.locator(".circumstances")).to_have_text(re.compile("by words only.*looked at a second time"))


def test_an_answer_that_was_written_before_says_so(page: Page) -> None:
    ask(page, FORMATS)
    page.get_by_role("button", name="New conversation").click()

    again = ask(page, FORMATS)

    expect(again.locator(".circumstances")).to_have_text("Written before for the same question and sources.")


def test_on_a_phone_the_source_is_a_sheet_that_leaves_the_answer_in_sight(phone: Page) -> None:
    ask(phone, FORMATS).locator(".mark").first.click()

    expect(phone.locator("#source mark").first).to_be_in_viewport()
    box = phone.locator("#source").bounding_box()
    assert box and box["y"] > 100 and box["width"] <= 375 and fits_width(phone)


def test_on_a_phone_a_touch_beside_the_sheet_closes_it(phone: Page) -> None:
    ask(phone, FORMATS).locator(".mark").first.click()

    phone.locator("#veil").click(position={"x": 100, "y": 30})

    expect(phone.locator("#source")).to_be_hidden()


def test_the_full_source_page_opens_at_the_quote(page: Page) -> None:
    ask(page, FORMATS).locator(".mark").first.click()

    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the whole document").click()

    expect(opened.value.locator("#quote")).to_be_in_viewport()
    opened.value.close()
