"""A GPU that is lost while questions are asked and chunks are written: the processor answers, and with the same chunks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rag_service.ports.vector_index import Candidate
from rag_service.retrieval.device_replica import DeviceReplicas
from rag_service.retrieval.faiss_index import FaissIndex
from tests.contract.index_points import dense, found, point, points, query
from tests.lossy_device import Lossy
from tests.patience import until

BUILD = "0" * 32
ASKED = query(dense("p7"))


@pytest.fixture(params=[False, True], ids=["obedient", "deaf"])
def device(request: pytest.FixtureRequest) -> Lossy:
    return Lossy(deaf=request.param)


@pytest.fixture
async def index(tmp_path, device: Lossy) -> AsyncIterator[FaissIndex]:
    made = FaissIndex(tmp_path, exact_below=0, kind="flat", place=DeviceReplicas(device))
    await made.write(BUILD, points("p", 300))
    await made.optimise(BUILD)
    yield made
    device.free.set()
    made.close()


async def asked(index: FaissIndex) -> list[Candidate]:
    return await found(index, BUILD, asked=ASKED, limit=10)


async def on_the_device(index: FaissIndex, device: Lossy) -> list[Candidate]:
    """Ask until the device answers."""

    async def is_asked() -> bool:
        before = device.searches
        await asked(index)
        return device.searches > before

    await until(is_asked)
    return await asked(index)


async def test_the_processor_finds_what_a_lost_device_found(index: FaissIndex, device: Lossy) -> None:
    before = await on_the_device(index, device)

    device.lost = True
    after = await asked(index)

    assert after == before
    calls = device.searches
    assert await asked(index) == before and device.searches == calls


async def test_a_device_that_hangs_is_left_after_a_moment(index: FaissIndex, device: Lossy) -> None:
    before = await on_the_device(index, device)

    device.free.clear()
    async with asyncio.timeout(5):
        assert await asked(index) == before


async def test_a_device_is_lost_while_many_ask_and_chunks_are_written(index: FaissIndex, device: Lossy) -> None:
    await on_the_device(index, device)

    async def ask() -> None:
        for _ in range(20):
            nearest = max(await asked(index), key=lambda each: each.dense_score)
            assert nearest.chunk_id == "p7"

    async def write() -> None:
        for number in range(20):
            await index.write(BUILD, [point(f"late{number}", vector=-dense("p7"))])
            device.lost = number == 10
            await index.optimise(BUILD)

    await asyncio.gather(write(), *(ask() for _ in range(8)))

    everything = {each.chunk_id for each in await found(index, BUILD, limit=1_000)}
    assert {f"late{number}" for number in range(20)} <= everything and len(everything) == 320


async def test_what_a_class_may_not_see_never_comes_from_the_device(index: FaissIndex, device: Lossy) -> None:
    await index.write(BUILD, [point("secret", principals=frozenset({"board"}), vector=dense("p7"))])
    await index.optimise(BUILD)
    await on_the_device(index, device)

    assert "secret" not in {each.chunk_id for each in await asked(index)}
