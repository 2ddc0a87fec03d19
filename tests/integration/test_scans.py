"""Scanned pages, from an upload to a citation: read where tesseract is, and read again once it is there."""

import io
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from ingestion.bootstrap import Worker
from ingestion.parsing.isolation.sandbox import Outcome, RawFile
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages
from ingestion.parsing.read import read_document
from rag_service.domain.access import AccessScope
from rag_service.domain.uploads import CorpusFile
from tests.unit.ingestion.scans import limits, needs_tesseract, pdf

CORPUS = "notes"
MIXED = pdf("A page with a text layer.", "scan:The car park closes at half past ten.")
WRITTEN = pdf("A page with a text layer.")


Install = Callable[[str], None]


class Reader:
    """Reads files in this process, with or without text recognition."""

    def __init__(self) -> None:
        self.limits = ParsingLimits()

    async def __call__(self, files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
        return [read_document(io.BytesIO(file.content), file.filename, self.limits) for file in files]


@pytest.fixture
def parse() -> Reader:
    return Reader()


@pytest.fixture(autouse=True)
async def corpus(worker: Worker, admin: AccessScope) -> None:
    await worker.container.create_corpus(admin, name=CORPUS)


@pytest.fixture
def install(worker: Worker, parse: Reader) -> Install:
    """Have text recognition in a language from now on; without a language it is not installed."""

    def installed(language: str) -> None:
        parse.limits = limits() if language else ParsingLimits()
        worker.container.uploads._ocr_languages = language

    return installed


async def upload(worker: Worker, admin: AccessScope, content: bytes) -> CorpusFile:
    async def body() -> AsyncIterator[bytes]:
        yield content

    parts = worker.container
    file = await parts.store_file(admin, filename="a.pdf", purpose="assistants", content=body())
    accepted = await parts.uploads.accept_file(admin, corpus=CORPUS, file_id=file.id, attributes={})
    while await worker.runner.run_next():
        pass
    return accepted


async def text_of(worker: Worker, admin: AccessScope, file: CorpusFile) -> str:
    _, parsed = await worker.container.read_revision_text(admin, file.revision.document_id, file.revision.number)
    return parsed.text


@needs_tesseract
async def test_a_file_with_unread_pages_is_read_again_once_tesseract_is_there(
    worker: Worker, admin: AccessScope, install: Install
) -> None:
    install("")
    first = await upload(worker, admin, MIXED)
    install("eng")

    second = await upload(worker, admin, MIXED)

    assert "half past ten" not in await text_of(worker, admin, first)
    assert second.revision.number == 2
    assert "half past ten" in await text_of(worker, admin, second)


@needs_tesseract
async def test_what_was_recognised_is_not_read_again(worker: Worker, admin: AccessScope, install: Install) -> None:
    install("eng")
    await upload(worker, admin, MIXED)

    again = await upload(worker, admin, MIXED)
    install("")

    assert [again.revision.number, (await upload(worker, admin, MIXED)).revision.number] == [1, 1]


async def test_unread_pages_are_no_reason_to_read_again_while_nothing_is_installed(
    worker: Worker, admin: AccessScope, install: Install
) -> None:
    install("")
    await upload(worker, admin, MIXED)

    assert (await upload(worker, admin, MIXED)).revision.number == 1


async def test_a_file_without_scanned_pages_does_not_care_what_is_installed(
    worker: Worker, admin: AccessScope, install: Install
) -> None:
    install("")
    await upload(worker, admin, WRITTEN)
    install("eng")

    assert (await upload(worker, admin, WRITTEN)).revision.number == 1
