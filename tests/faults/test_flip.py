"""FAULTS 11: publish and rollback, again and again, under a steady load of searches and answers, kept ones among them."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.steady_load import Caller, Json, Outcome, steady
from tests.two_versions import CHAT, TwoVersions, flip_until, two_versions

# What a busy machine carries; `tests.bench.flip` drives as much as this one does.
RATE = 20.0
SECONDS = 6.0
LEAST_FLIPS = 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoVersions]:
    with two_versions(tmp_path_factory.mktemp("flip") / "data", documents=40) as served:
        yield served


async def test_no_reply_fails_or_mixes_versions_while_versions_are_published_and_rolled_back(
    corpus: TwoVersions,
) -> None:
    service = corpus.service
    searching, publishing = (Caller(service.url, service.key) for _ in range(2))
    done, flips = asyncio.Event(), Outcome()
    flipping = asyncio.create_task(flip_until(done, publishing, corpus, flips, pause_s=0.1))

    cached = 0

    def fault(path: str, reply: Json) -> str:
        nonlocal cached
        cached += path == CHAT and reply["x_rag"]["cached"]
        return corpus.fault(path, reply)

    def is_enough() -> bool:
        return flipping.done() or len(flips.latencies_s) >= LEAST_FLIPS

    outcome = await steady([searching], corpus.search_or_question, fault, rate=RATE, seconds=SECONDS, until=is_enough)
    done.set()
    await flipping
    for caller in (searching, publishing):
        await caller.close()

    assert outcome.faults + flips.faults == [] and cached > 0
    assert len(outcome.latencies_s) >= RATE * SECONDS and len(flips.latencies_s) >= LEAST_FLIPS
