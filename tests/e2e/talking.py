"""What tests do on the chat page."""

from playwright.sync_api import Locator, Page, expect

FORMATS = "Which file formats can be uploaded?"
BEYOND = "Which birds nest on the cliffs of Iceland?"


def ask(page: Page, question: str) -> Locator:
    """Type a question, send it, wait for the end of its answer and return that."""
    page.wait_for_load_state()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    return ended(page)


def ended(page: Page) -> Locator:
    """Wait until the newest answer has ended and return it."""
    answer = page.locator(".answer").last
    expect(answer.locator(".outcome")).to_be_visible()
    return answer


def choose_corpus(page: Page, name: str) -> None:
    """Choose what is asked."""
    page.get_by_label("Corpus").select_option(name)


def fits_width(page: Page) -> bool:
    """Say whether nothing needs sideways scrolling."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
