"""Code points and UTF-16 units: what the service counts and what a browser counts."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from rag_service import web

MODULES = Path(web.__file__).parent / "static"


@pytest.fixture
def script(browser: Browser) -> Page:
    """A page that can import the scripts, without any service."""
    page = browser.new_page()
    page.route(
        "http://127.0.0.1/**",
        lambda route: route.fulfill(
            body=(MODULES / Path(route.request.url).name).read_text() if route.request.url.endswith(".js") else "",
            content_type="text/javascript" if route.request.url.endswith(".js") else "text/html",
        ),
    )
    page.goto("http://127.0.0.1/")
    return page


@pytest.mark.parametrize("text", ["plain", "👩‍🚀 lands", "a🚗b🚗c", "naïve 漢字 👍🏽"])
def test_a_slice_by_code_points_is_the_one_python_makes(script: Page, text: str) -> None:
    call = "async ([text, end]) => (await import('/offsets.js')).sliceCodePoints(text, 1, end)"

    for end in range(1, len(text) + 1):
        assert script.evaluate(call, [text, end]) == text[1:end]


def test_the_length_is_the_one_python_counts(script: Page) -> None:
    text = "👩‍🚀 naïve 漢字"

    assert script.evaluate("async (t) => (await import('/offsets.js')).codePointLength(t)", text) == len(text)


def test_a_cited_sentence_after_an_emoji_is_cut_exactly(script: Page) -> None:
    unit = "👩‍🚀 It flies. [2] "
    citation = {"start": 100, "end": 100 + len("👩‍🚀 It flies."), "number": 2}

    parts = script.evaluate(
        "async ([unit, citation]) => (await import('/answer-units.js')).cutUnit(unit, 100, [citation])",
        [unit, citation],
    )

    assert [(part["kind"], part["text"]) for part in parts] == [
        ("cited", "👩‍🚀 It flies."),
        ("mark", " [2]"),
        ("text", " "),
    ]


def test_brackets_inside_a_quote_are_text_and_not_a_mark(script: Page) -> None:
    unit = "See note [7] there. [1]"
    citation = {"start": 0, "end": len("See note [7] there."), "number": 1}

    parts = script.evaluate(
        "async ([unit, citation]) => (await import('/answer-units.js')).cutUnit(unit, 0, [citation])", [unit, citation]
    )

    assert [part["kind"] for part in parts] == ["cited", "mark"]
