"""A browser, and pages that are signed in to the running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 740}
LIMIT_MS = 120_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. It ends with its module: its event loop must not run on under asynchronous tests."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed (Debian: apt install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, service_url: str, admin_key: str) -> BrowserContext:
    """A browser profile with a session, made by signing in with the key."""
    context = browser.new_context(base_url=service_url, viewport=DESKTOP)
    context.set_default_timeout(LIMIT_MS)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("API key").fill(admin_key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{service_url}/")
    page.close()
    return context


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """The chat on a desktop, which must end without an error in its console."""
    yield from _watched(signed_in, DESKTOP)


@pytest.fixture
def phone(signed_in: BrowserContext) -> Iterator[Page]:
    """The chat on a small phone."""
    yield from _watched(signed_in, PHONE)


def _is_ours(message: ConsoleMessage) -> bool:
    # A browser reports every refusal of the service as an error; tests provoke some.
    return message.type == "error" and not message.text.startswith("Failed to load resource")


def _watched(context: BrowserContext, size: dict[str, int]) -> Iterator[Page]:
    problems: list[str] = []
    page = context.new_page()
    page.set_viewport_size(size)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if _is_ours(message) else None)
    page.goto("/")
    yield page
    page.close()
    assert problems == []
