"""From a spreadsheet to a citation that names its cells, through the worker and the parser's child."""

import io
from collections.abc import AsyncIterator

import openpyxl
import pytest

from ingestion.bootstrap import Worker
from rag_service.api.openai.chat_reply import completion
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, Finished, Message, Question
from rag_service.domain.documents import Revision
from rag_service.domain.pages import PageRequest

CORPUS = "prices"


@pytest.fixture
def parse() -> None:
    """Files are read by a child, as they always are."""


@pytest.fixture(autouse=True)
async def corpus(worker: Worker, admin: AccessScope) -> None:
    await worker.container.create_corpus(admin, name=CORPUS)


def workbook() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Notes"
    book.active["A1"] = "Kept by Ann since 2019"
    sheet = book.create_sheet("Price list")
    for column, name in zip("BCD", ["ware", "price in euros", "country of origin"], strict=True):
        sheet[f"{column}3"] = name
    for row in range(4, 120):
        for column, value in zip("BCD", [f"green tea number {row}", row * 10, "Japan"], strict=True):
            sheet[f"{column}{row}"] = value
    book.save(buffer)
    return buffer.getvalue()


async def upload(worker: Worker, admin: AccessScope, filename: str, content: bytes) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield content

    parts = worker.container
    file = await parts.store_file(admin, filename=filename, purpose="assistants", content=body())
    await parts.uploads.accept_file(admin, corpus=CORPUS, file_id=file.id, attributes={})
    while await worker.runner.enqueue_due_seals() or await worker.runner.run_next():
        pass


async def ask(worker: Worker, admin: AccessScope, text: str) -> Answer:
    question = Question(corpus=CORPUS, messages=(Message(role="user", content=text),))
    *_, last = [event async for event in worker.container.ask_question(admin, question)]
    assert isinstance(last, Finished)
    return last.answer


async def latest(worker: Worker, admin: AccessScope) -> Revision:
    listed = await worker.container.list_corpus_files(admin, corpus=CORPUS, page=PageRequest(), status=None)
    return listed.items[0].revision


async def test_a_citation_into_a_spreadsheet_names_the_cells(worker: Worker, admin: AccessScope) -> None:
    await upload(worker, admin, "prices.xlsx", workbook())

    answer = await ask(worker, admin, "What is the price in euros of green tea number 77?")

    [choice] = completion(answer, model=CORPUS, public_url="http://rag.test").choices
    cited = next(citation for citation in choice.message.citations if "number 77" in citation.quote)
    assert cited.quote == "green tea number 77 | 770 | Japan"
    assert (cited.location, cited.page) == ("'Price list'!B77:D77", 2)


async def test_a_citation_into_a_csv_names_the_row(worker: Worker, admin: AccessScope) -> None:
    rows = "".join(f"green tea number {row},{row * 10},Japan\n" for row in range(2, 100))
    await upload(worker, admin, "prices.csv", f"ware,price in euros,country of origin\n{rows}".encode())

    answer = await ask(worker, admin, "What is the price in euros of green tea number 77?")

    assert {c.location for c in answer.citations if "number 77" in c.quote} == {"row 77"}


async def test_a_revision_knows_its_language(worker: Worker, admin: AccessScope) -> None:
    await upload(worker, admin, "a.md", "Das Parkhaus schließt unter der Woche um halb elf am Abend.".encode())

    assert (await latest(worker, admin)).language == "de"
