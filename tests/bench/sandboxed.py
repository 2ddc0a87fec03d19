"""`python -m tests.bench.sandboxed FOLDER…`: every file through the sandbox, as a worker reads it.

Prints how many files ended how, the slowest of them, and the most memory of a parser with the program that it runs.
Pages without text are recognised where tesseract is installed; `--ocr off` leaves them unread.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ingestion.parse_limits import parsing_limits
from ingestion.parsing.isolation.sandbox import RawFile, Sandbox
from rag_service.errors import DocumentRejected
from rag_service.settings import OcrSettings, Settings

READ = "read"

_MIB = 2**20
_LOOK_S = 0.2
_SLOWEST = 10


@dataclass(frozen=True)
class Ended:
    """What became of a file."""

    path: Path
    outcome: str
    seconds: float


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sandboxed", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--ocr", default="auto", choices=("auto", "off"))
    arguments = parser.parse_args()
    ended, peak_mib = asyncio.run(_read(_files(arguments.folders), Settings(ocr=OcrSettings(mode=arguments.ocr))))
    sys.stdout.write(f"{len(ended)} files in {sum(each.seconds for each in ended):.0f} s, {peak_mib:.0f} MiB at most\n")
    for outcome, count in Counter(each.outcome for each in ended).most_common():
        sys.stdout.write(f"{count:6} {outcome}\n")
    for each in sorted(ended, key=lambda each: -each.seconds)[:_SLOWEST]:
        sys.stdout.write(f"{each.seconds:6.1f} s {each.outcome:20} {each.path}\n")


def _files(folders: Sequence[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


async def _read(paths: Sequence[Path], settings: Settings) -> tuple[list[Ended], float]:
    sandbox = Sandbox(limits=parsing_limits(settings))
    samples_mib = [0.0]
    watching = asyncio.create_task(_watch(samples_mib))
    try:
        return [await _one(sandbox, path) for path in paths], max(samples_mib)
    finally:
        watching.cancel()
        await sandbox.close()


async def _one(sandbox: Sandbox, path: Path) -> Ended:
    file = RawFile(filename=path.name, content=await asyncio.to_thread(path.read_bytes))
    started = time.perf_counter()
    [outcome] = await sandbox.parse([file])
    reason = outcome.reason.value if isinstance(outcome, DocumentRejected) else READ
    return Ended(path, reason, time.perf_counter() - started)


async def _watch(samples_mib: list[float]) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        samples_mib.append(sum(_memory_mib(child) for child in psutil.Process().children(recursive=True)))


def _memory_mib(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_full_info().pss / _MIB)
    return 0.0


if __name__ == "__main__":
    main()
