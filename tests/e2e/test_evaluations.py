"""The pages of evaluations: from a trend down to a quote in its document, and two runs beside each other."""

import pytest
from playwright.sync_api import Page, expect

from rag_service.domain.ids import EvalRunId
from tests.e2e.planted_evaluations import LOST, QUESTIONS, plant
from tests.e2e.planted_live import plant_live
from tests.e2e.talking import fits_width
from tests.running import RunningService


@pytest.fixture(scope="module")
def runs(service: RunningService) -> list[EvalRunId]:
    """Forty nights of the sample corpus, of which the newest lost a question, and some days of live answers."""
    plant_live(service)
    return plant(service)


@pytest.fixture
def trend(page: Page, service: RunningService, runs: list[EvalRunId]) -> Page:
    """The trend of the sample corpus."""
    page.goto(f"/evaluations/corpora/{corpus_of(service)}")
    return page


def corpus_of(service: RunningService) -> str:
    with service.client() as client:
        corpora = client.get("/v1/vector_stores", params={"limit": 100}).raise_for_status().json()["data"]
    return next(str(corpus["id"]) for corpus in corpora if corpus["name"] == "handbook")


def test_the_navigation_leads_to_the_evaluations(page: Page, runs: list[EvalRunId]) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Evaluations").click()

    expect(page.locator("h1")).to_be_visible()
    assert "/evaluations" in page.url


def test_a_point_of_the_trend_leads_to_its_run(trend: Page, runs: list[EvalRunId]) -> None:
    trend.locator(".chart").first.locator("circle").nth(10).click()

    assert trend.url.endswith(f"/evaluations/runs/{runs[10]}")


def test_a_case_leads_to_its_quote_in_the_document(page: Page, runs: list[EvalRunId]) -> None:
    page.goto(f"/evaluations/runs/{runs[-1]}")
    page.get_by_role("link", name=QUESTIONS[0]).click()

    page.locator(".quotes blockquote a").first.click()

    expect(page.locator("mark").first).to_be_visible()


def test_the_question_that_got_lost_comes_first(page: Page, runs: list[EvalRunId]) -> None:
    page.goto(f"/evaluations/runs/{runs[-1]}")

    expect(page.locator(".cases li").first).to_contain_text(LOST)


def test_two_runs_are_compared_with_the_keyboard_alone(page: Page, runs: list[EvalRunId]) -> None:
    page.goto(f"/evaluations/runs/{runs[-1]}")
    # The service measures itself too: its own run may stand first in the list.
    page.get_by_label("Compare with the run of").select_option(runs[-2])
    page.get_by_role("button", name="Compare").focus()
    page.keyboard.press("Enter")

    expect(page.locator(".changed li").first).to_contain_text("is no longer answered")


def test_a_comparison_names_what_may_be_why(page: Page, runs: list[EvalRunId]) -> None:
    page.goto(f"/evaluations/compare?a={runs[-2]}&b={runs[-1]}")

    why = page.get_by_role("region", name="What was made otherwise")
    expect(why.locator(".causes li")).to_contain_text("generator")
    expect(page.locator(".changed li").first).to_contain_text("What may be why: generator")


def test_the_day_on_which_live_answers_drifted_is_marked_in_picture_and_table(trend: Page) -> None:
    live = trend.get_by_role("region", name="Live answers").first
    support = live.locator(".chart", has_text="support")

    expect(support.locator("circle.marked")).to_have_count(1)
    expect(live.locator("tr", has_text="drifted")).to_have_count(1)
    expect(support.locator(".mark title")).to_contain_text("The support of answers by their quotes fell")


def test_every_page_fits_a_phone(phone: Page, service: RunningService, runs: list[EvalRunId]) -> None:
    run = f"/evaluations/runs/{runs[-1]}"
    for address in (
        f"/evaluations/corpora/{corpus_of(service)}",
        run,
        f"{run}/cases/gold_1",
        f"/evaluations/compare?a={runs[-2]}&b={runs[-1]}",
    ):
        phone.goto(address)

        assert fits_width(phone), address
