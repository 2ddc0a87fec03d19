"""Files that crash, hang or bloat their reader harm nothing but themselves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingestion.parsing.isolation.child_process import ChildProcess
from ingestion.parsing.isolation.sandbox import Outcome, RawFile, Sandbox
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.patience import PATIENCE_S, until
from tests.unit.ingestion.scans import program


@pytest.fixture
def timeout_s() -> float:
    """What a file may take that does not hang, however slow the machine."""
    return 60.0


@pytest.fixture
async def sandbox(timeout_s: float) -> AsyncIterator[Sandbox]:
    limits = ParsingLimits(timeout_s=timeout_s, memory_bytes=256 * 2**20)
    made = Sandbox(limits=limits, module="tests.faults.evil_parser")
    yield made
    await made.close()


def file(name: str, content: bytes = b"harmless words") -> RawFile:
    return RawFile(filename=name, content=content)


def reason(outcome: Outcome) -> ReasonCode | None:
    return outcome.reason if isinstance(outcome, DocumentRejected) else None


@pytest.mark.parametrize(
    ("name", "expected", "timeout_s"),
    [
        ("segfault.txt", ReasonCode.PARSER_CRASHED, 60.0),
        ("hungry.txt", ReasonCode.PARSER_OUT_OF_MEMORY, 60.0),
        ("sleepy.txt", ReasonCode.PARSER_TIMEOUT, 5.0),
        ("busy.txt", ReasonCode.PARSER_TIMEOUT, 5.0),
    ],
)
async def test_a_poison_file_fails_alone_and_its_neighbours_are_read(
    sandbox: Sandbox, name: str, expected: ReasonCode
) -> None:
    outcomes = await sandbox.parse([file("before.txt"), file(name), file("after.txt")])

    assert [reason(outcome) for outcome in outcomes] == [None, expected, None]


@pytest.mark.parametrize("name", ["liar.txt", "chatty.txt", "long-winded.txt"])
async def test_a_parser_that_notes_impossible_pages_or_floods_us_with_notes_is_stopped(
    sandbox: Sandbox, name: str
) -> None:
    told: list[tuple[int, int]] = []

    outcomes = await sandbox.parse([file(name), file("after.txt")], lambda *pages: told.append(pages))

    assert [reason(outcome) for outcome in outcomes] in (
        [ReasonCode.PARSER_CRASHED, None],
        [ReasonCode.PARSER_TIMEOUT, None],
    )
    assert set(told) <= {(1, 2)}


async def test_a_parser_whose_flood_nobody_reads_can_be_ended() -> None:
    child = await ChildProcess.start("tests.faults.evil_parser", ParsingLimits())
    told = asyncio.Event()
    asking = asyncio.create_task(child.ask({"filename": "chatty.txt", "content": b""}, lambda *_: told.set()))
    await told.wait()
    asking.cancel()
    await full(child)

    async with asyncio.timeout(PATIENCE_S):
        await child.kill()

    assert not child.is_alive


async def full(child: ChildProcess) -> None:
    """Wait until the pipe from the process is not read any more."""
    pipe = child._process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    await until(lambda: not pipe.is_reading())


async def test_the_process_knows_no_secrets_and_starts_in_an_empty_folder(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_GENERATION__API_KEY", "secret")

    [outcome] = await sandbox.parse([file("nosy.txt")])

    assert isinstance(outcome, ParsedDocument)
    assert "API_KEY" not in outcome.text
    assert outcome.text.endswith("[]")


async def test_a_parser_that_runs_programs_is_stopped(sandbox: Sandbox) -> None:
    [outcome] = await sandbox.parse([file("caller.txt")])

    assert reason(outcome) is ReasonCode.PARSER_CRASHED


async def test_one_process_reads_many_files(sandbox: Sandbox) -> None:
    await sandbox.parse([file(f"{number}.txt") for number in range(50)])

    [child] = sandbox._idle
    assert child.files_read == 50


async def test_cancelling_ends_the_process(sandbox: Sandbox) -> None:
    begun = asyncio.Event()
    files = [file("first.txt"), file("sleepy-after-a-page.txt")]
    task = asyncio.create_task(sandbox.parse(files, lambda *_: begun.set()))
    await begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sandbox._idle == []


async def test_large_files_are_read_from_their_path(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    path.write_bytes(b"words on disk")

    [outcome] = await sandbox.parse([RawFile(filename="a.txt", content=path)])

    assert isinstance(outcome, ParsedDocument)
    assert outcome.text == "words on disk"


async def test_a_word_file_is_read_without_a_network(tmp_path: Path) -> None:
    import docx

    document = docx.Document()
    document.add_heading("Chapter", 1)
    document.add_paragraph("Some sentence about things.")
    document.add_paragraph("an item", style="List Bullet")
    document.save(str(tmp_path / "a.docx"))
    sandbox = Sandbox(limits=ParsingLimits())

    [outcome] = await sandbox.parse([RawFile(filename="a.docx", content=tmp_path / "a.docx")])
    await sandbox.close()

    assert isinstance(outcome, ParsedDocument)
    assert outcome.text == "Chapter\n\nSome sentence about things.\n- an item"


async def test_pandoc_and_unstructured_work_inside_the_parsers_process(tmp_path: Path) -> None:
    pandoc = program(tmp_path, "cat > /dev/null; echo '<h1>Hours</h1><p>Nine to five.</p>'")
    sandbox = Sandbox(limits=ParsingLimits(pandoc_program=str(pandoc)))
    try:
        outcomes = await sandbox.parse(
            [file("hours.org", b"* Hours"), file("lift.xml", b"<p>It is <b>out</b> of order.</p>")]
        )
    finally:
        await sandbox.close()

    texts = [outcome.text for outcome in outcomes if isinstance(outcome, ParsedDocument)]
    assert texts == ["Hours\n\nNine to five.", "It is out of order."]
