"""From one engine to another and back, under a steady load of searches and answers, while versions flip."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

from tests.steady_load import Caller, Outcome, steady
from tests.two_versions import TwoVersions, flip_until, two_versions

RATE = 50.0
SECONDS = 6.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoVersions]:
    with two_versions(tmp_path_factory.mktemp("moved") / "data", documents=40) as served:
        yield served


async def rag_index(corpus: TwoVersions, *arguments: str) -> str:
    """Run `rag index` beside the service; return what it says."""
    environ = {**os.environ, "RAG_DATA_DIR": str(corpus.service.data_dir), "RAG_EMBEDDING__BACKEND": "hashing"}
    command = [sys.executable, "-m", "rag_service.cli", "index", *arguments]
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def there_and_back(corpus: TwoVersions) -> list[str]:
    """Bring the service to FAISS and back to Edge."""
    told = []
    for engine in ("faiss", "edge"):
        told.append(await rag_index(corpus, "migrate", "--to", engine))
        told.append(await rag_index(corpus, "migrate", "--finish"))
    return told


async def test_no_reply_fails_or_mixes_versions_while_the_engine_is_exchanged_twice(corpus: TwoVersions) -> None:
    service = corpus.service
    searching, publishing = (Caller(service.url, service.key) for _ in range(2))
    done, flips = asyncio.Event(), Outcome()
    flipping = asyncio.create_task(flip_until(done, publishing, corpus, flips, pause_s=0.5))
    moving = asyncio.create_task(there_and_back(corpus))

    outcome = await steady(
        [searching], corpus.search_or_question, corpus.fault, rate=RATE, seconds=SECONDS, until=moving.done
    )
    done.set()
    told = await moving
    await flipping
    for caller in (searching, publishing):
        await caller.close()

    assert outcome.faults + flips.faults == []
    assert "faiss serves, edge follows (switched)" in told[0] and "edge serves (steady)" in told[3]


async def test_the_status_names_the_engine_and_what_it_holds(corpus: TwoVersions) -> None:
    told = await rag_index(corpus, "status")

    assert told.startswith("edge serves (steady)")
    assert "80 points" in told


async def test_a_snapshot_is_taken_and_comes_back_beside_the_service(
    corpus: TwoVersions, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("snapshots"))

    taken = await rag_index(corpus, "snapshot", folder)
    restored = await rag_index(corpus, "restore", folder)

    assert "80 points in 1 parts" in taken
    assert "80 points, 0 left out, 8 questions answered as before" in restored
