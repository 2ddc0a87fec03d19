"""Makes the pictures of the README: `python -m tests.e2e.pictures`.

The trend and the live answers are made up, as weeks would have to go by; all else is what the service finds.
"""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from eval.run import MISSED
from tests.e2e.conftest import CHROMIUM
from tests.e2e.planted_evaluations import plant
from tests.e2e.planted_live import plant_live
from tests.e2e.test_gaps import CLIFFS, LONE
from tests.running import RunningService, start_service, stop_service

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
SAMPLE = Path(__file__).parents[2] / "rag_service" / "sample"
WIDTH = 1100
_COLOURS = 250
_ABOVE, _BELOW = 24, 6
_WORSE = {"RAG_RETRIEVAL__DENSE_WEIGHT": "0.0", "RAG_ANSWERS__ANSWERABILITY_THRESHOLD": "0.6"}
_MADE_UP = "guide"
_MORE_ASKED = ("What does the service cost a month?", "How much does it cost per month to run the service?")


def main() -> None:
    """Start a service, fill it, and write a picture of each page."""
    with TemporaryDirectory() as folder:
        service = start_service(Path(folder) / "data")
        try:
            _draw(service)
        finally:
            stop_service(service)


def _draw(service: RunningService) -> None:
    _ask(service, (*CLIFFS, LONE, *_MORE_ASKED))
    before, after = _measure(service), _measure(service, **_WORSE)
    _publish_again(service)
    plant(service, _MADE_UP)
    plant_live(service, _MADE_UP, days=15, answers=120)
    handbook = _corpus_id(service, "handbook")
    trend, run = f"/evaluations/corpora/{_corpus_id(service, _MADE_UP)}", f"/evaluations/runs/{after}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(base_url=service.url, viewport={"width": WIDTH, "height": 900})
        _sign_in(page, service)
        take = Camera(page)
        take("evaluations", trend, until=".charts + .hint")
        take("live-answers", trend, begin="#live-title", until="#live-title ~ .scrolls tr:nth-child(4)")
        take("evaluation-run", run, until=".figures tbody tr:nth-child(8)")
        take("evaluation-questions", run, begin="#cases-title", until=".cases li:nth-child(7)")
        take("evaluation-comparison", f"/evaluations/compare?a={before}&b={after}", until=".changed > li:nth-child(1)")
        page.goto(f"/evaluations/runs/{before}")
        page.locator(".cases a").filter(has_text="Gold quote cited").last.click()
        page.wait_for_url("**/cases/*")
        take("evaluation-case", page.url, until=".found li:first-child")
        take("content-gaps", f"/evaluations/corpora/{handbook}/gaps", until="#found .gap:last-child")
        take("golden-questions", f"/library/{handbook}/golden", until="#questions > :nth-child(3)")
        browser.close()


def _sign_in(page: Page, service: RunningService) -> None:
    page.goto("/login")
    page.get_by_label("API key").fill(service.key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{service.url}/")


class Camera:
    """Takes pictures of parts of pages."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(self, name: str, address: str, *, until: str, begin: str | None = None) -> None:
        """Write what lies above the lower edge of `until`, from the top of the page or of `begin` on."""
        self._page.goto(address)
        self._page.wait_for_load_state("networkidle")
        edge, top = self._edges(until)[1], self._edges(begin)[0] - _ABOVE if begin else 0.0
        whole = Image.open(BytesIO(self._page.screenshot(full_page=True))).convert("RGB")
        picture = whole.crop((0, int(top), WIDTH, int(edge) + _BELOW))
        _with_palette(picture).save(FIGURES / f"{name}.png", optimize=True)

    def _edges(self, selector: str) -> tuple[float, float]:
        """Return where a part begins and ends, in pixels from the top."""
        part = self._page.locator(selector).first
        part.wait_for()
        box = part.bounding_box()
        assert box is not None
        return box["y"], box["y"] + box["height"]


def _with_palette(picture: Image.Image) -> Image.Image:
    """Return the picture in its most frequent colours: a third of the file, and the flat ones stay as they are."""
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)[:_COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted for part in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def _ask(service: RunningService, questions: tuple[str, ...]) -> None:
    with service.client() as client:
        for question in questions:
            body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
            client.post("/v1/chat/completions", json=body).raise_for_status()


def _measure(service: RunningService, **settings: str) -> str:
    """Ask the sample's golden questions of a service with these settings; return the run's id."""
    _rag(service, "eval", "run", "sample", "--no-ragas", "--out", str(service.data_dir.parent), **settings)
    with service.client() as client:
        runs = client.get("/v1/evals", params={"suite": "sample", "limit": 1}).raise_for_status().json()["data"]
    return str(runs[0]["id"])


def _publish_again(service: RunningService) -> None:
    """Publish the chapters of the handbook as a corpus that the service does not measure by itself."""
    _rag(service, "ingest", "--corpus", _MADE_UP, *map(str, sorted(SAMPLE.glob("[0-9]*"))))


def _rag(service: RunningService, *command: str, **settings: str) -> None:
    at = {"RAG_DATA_DIR": str(service.data_dir), "RAGCTL_URL": service.url, "RAGCTL_KEY": service.key}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "rag_service.cli", *command], env={**os.environ, **at, **settings}, check=False
    )
    assert done.returncode in {0, MISSED}, command


def _corpus_id(service: RunningService, name: str) -> str:
    with service.client() as client:
        corpora = client.get("/v1/vector_stores", params={"limit": 100}).raise_for_status().json()["data"]
    return next(str(corpus["id"]) for corpus in corpora if corpus["name"] == name)


if __name__ == "__main__":
    main()
