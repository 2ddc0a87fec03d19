"""Text recognition inside the parser's process: a program that hangs, crashes or swells harms its page at most."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.parsing.isolation.sandbox import CHILD_MODULE, Outcome, RawFile, Sandbox
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.patience import PATIENCE_S, until
from tests.unit.ingestion.scans import limits, needs_tesseract, pdf, program, saying

WORDS = "The car park of the Lindenhof closes at half past ten."
MIXED = RawFile(filename="a.pdf", content=pdf("A page with a text layer.", f"scan:{WORDS}"))
EVIL = "tests.faults.evil_parser"
WITHOUT = "A page with a text layer."


class Reading:
    """Reads files in a sandbox of its own."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None

    async def __call__(self, *files: RawFile, under: ParsingLimits, module: str = CHILD_MODULE) -> list[Outcome]:
        self.sandbox = Sandbox(limits=under, module=module)
        return await self.sandbox.parse(files)


@pytest.fixture
async def read() -> AsyncIterator[Reading]:
    reading = Reading()
    yield reading
    if reading.sandbox is not None:
        await reading.sandbox.close()


def told(outcome: Outcome) -> tuple[str, ...]:
    assert isinstance(outcome, ParsedDocument), outcome
    return outcome.text, *outcome.warnings


def reason(outcome: Outcome) -> ReasonCode | None:
    return outcome.reason if isinstance(outcome, DocumentRejected) else None


def is_running(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_in(path: Path) -> int | None:
    """Return the process id that the program writes when it starts."""
    text = path.read_text(encoding="ascii") if path.exists() else ""
    return int(text) if text.endswith("\n") else None


@needs_tesseract
async def test_tesseract_runs_within_the_limits_of_the_process(read: Reading) -> None:
    [outcome] = await read(MIXED, under=limits())

    assert told(outcome) == (f"{WITHOUT}\n\n{WORDS}",)


@pytest.mark.parametrize(
    ("script", "page_s", "note"), [("exec sleep 600", 0.5, "took too long"), ("kill -SEGV $$", 60.0, "failed")]
)
async def test_a_page_fails_alone_and_the_process_reads_on(
    read: Reading, tmp_path: Path, script: str, page_s: float, note: str
) -> None:
    outcomes = await read(MIXED, MIXED, under=limits(program(tmp_path, script), page_s=page_s))

    assert [told(outcome)[0] for outcome in outcomes] == [WITHOUT, WITHOUT]
    assert all(note in told(outcome)[1] for outcome in outcomes)
    assert read.sandbox and read.sandbox._idle[0].files_read == 2


async def test_recognition_does_not_use_up_the_time_of_the_file(read: Reading, tmp_path: Path) -> None:
    slow = limits(program(tmp_path, "exec sleep 600"), page_s=2.0)
    scan = RawFile(filename="b.pdf", content=pdf(WITHOUT, *["scan:x"] * 4))

    # The first file is not timed strictly.
    outcomes = await read(MIXED, scan, under=replace(slow, timeout_s=6.0))

    assert "pages 2-5; text recognition was stopped" in told(outcomes[1])[1]


async def test_a_parser_that_hangs_is_stopped_in_its_own_time_though_recognition_has_more(
    read: Reading, tmp_path: Path
) -> None:
    under = replace(limits(saying(tmp_path), file_s=3600), timeout_s=5.0)
    files = [RawFile(filename=name, content=b"words") for name in ("before.txt", "sleepy.txt", "after.txt")]

    outcomes = await read(*files, under=under, module=EVIL)

    assert [reason(outcome) for outcome in outcomes] == [None, ReasonCode.PARSER_TIMEOUT, None]


async def test_only_the_one_program_may_be_run(read: Reading, tmp_path: Path) -> None:
    caller = RawFile(filename="caller.txt", content=b"words")

    [outcome] = await read(caller, under=limits(saying(tmp_path)), module=EVIL)

    assert reason(outcome) is ReasonCode.PARSER_CRASHED


async def test_cancelling_a_parse_ends_the_program_too(read: Reading, tmp_path: Path) -> None:
    hanging = program(tmp_path, f"echo $$ > {tmp_path / 'pid'}; exec sleep 600")
    task = asyncio.create_task(read(MIXED, under=limits(hanging)))
    await until(lambda: pid_in(tmp_path / "pid") is not None)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: not is_running(pid_in(tmp_path / "pid")))


async def test_a_parser_that_dies_takes_the_program_with_it(read: Reading, tmp_path: Path) -> None:
    # The program kills who started it, as the kernel does when memory runs out.
    deadly = program(tmp_path, f"echo $$ > {tmp_path / 'pid'}; kill -9 $PPID; exec sleep 600")

    [outcome] = await read(MIXED, under=limits(deadly))

    assert reason(outcome) is ReasonCode.PARSER_CRASHED
    await until(lambda: not is_running(pid_in(tmp_path / "pid")))


async def test_the_memory_of_the_program_counts(read: Reading, tmp_path: Path) -> None:
    # Less than the limit, but not together with the process that started it.
    hungry = program(tmp_path, f"exec {sys.executable} -c 'import time; x = b\"x\" * (210 << 20); time.sleep(600)'")
    under = replace(limits(hungry, page_s=PATIENCE_S), memory_bytes=256 * 2**20)

    [outcome] = await read(MIXED, under=under)

    assert reason(outcome) is ReasonCode.PARSER_OUT_OF_MEMORY
