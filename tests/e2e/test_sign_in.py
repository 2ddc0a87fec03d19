"""Signing in with a browser."""

from playwright.sync_api import Browser, Page, expect


def test_a_login_link_signs_in_with_one_press(browser: Browser, login_url: str, service_url: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(login_url)

        page.get_by_role("button", name="Sign in").click()

        page.wait_for_url(f"{service_url}/")
        expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


def test_a_used_login_link_says_what_to_do(browser: Browser, login_url: str) -> None:
    for _ in range(2):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(login_url)
            page.get_by_role("button", name="Sign in").click()
            text = page.locator("main").inner_text()

    assert "has been used or has expired" in text and "rag key login-link" in text


def test_signing_out_closes_the_pages(browser: Browser, login_url: str, service_url: str) -> None:
    with browser.new_context() as context:
        page: Page = context.new_page()
        page.goto(login_url)
        page.get_by_role("button", name="Sign in").click()

        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{service_url}/library")

        expect(page.get_by_label("API key")).to_be_visible()
