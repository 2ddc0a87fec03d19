"""A structure with a copy on a device: FAISS's main memory stands for a GPU, and loses itself when told to."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import faiss
import numpy as np
import pytest

from rag_service.errors import IndexUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, Neighbours
from rag_service.retrieval.device_replica import DeviceReplica, DeviceReplicas
from rag_service.retrieval.faiss_device import DeviceRows, FaissDevice, obeys_selectors
from tests.lossy_device import MOST_ROWS, Lossy
from tests.patience import until

ROWS, DIMENSIONS = 2_000, 16
VECTORS = np.random.default_rng(1).standard_normal((ROWS, DIMENSIONS), dtype=np.float32)
ASKED = VECTORS[:1] / np.linalg.norm(VECTORS[0])
EVEN = np.arange(ROWS) % 2 == 0


@dataclass
class Processor:
    """The structure in main memory, which counts how often it is asked."""

    asked: int = 0
    size: int = ROWS
    index: object = None

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        self.asked += 1
        return _exact(vectors, limit, allowed)


@dataclass
class Clock:
    """A clock that stands still unless it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def allowed(mask: np.ndarray) -> Allowed:
    return Allowed(np.packbits(mask, bitorder="little"), int(mask.sum()))


def replica(device: Lossy, clock: Clock | None = None) -> tuple[DeviceReplica, Processor]:
    processor = Processor()
    made = DeviceReplicas(device, clock=clock or Clock())(processor, VECTORS)
    assert isinstance(made, DeviceReplica)
    return made, processor


async def served_by_device(copy: DeviceReplica, processor: Processor, which: Allowed | None) -> Neighbours:
    """Ask until the processor is not asked any more."""

    def is_served() -> bool:
        nonlocal found
        before = processor.asked
        found = copy.search(ASKED, 5, allowed=which)
        return processor.asked == before

    found = copy.search(ASKED, 5, allowed=which)
    await until(is_served)
    return found


def test_a_selector_that_is_ignored_is_noticed() -> None:
    assert obeys_selectors(FaissDevice())
    assert not obeys_selectors(Lossy(deaf=True))


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("which", [None, allowed(EVEN)])
async def test_the_device_finds_what_the_processor_finds(deaf: bool, which: Allowed | None) -> None:
    copy, processor = replica(Lossy(deaf=deaf))

    found = await served_by_device(copy, processor, which)

    assert found.rows.tolist() == _exact(ASKED, 5, which).rows.tolist()


async def test_a_device_that_ignores_selectors_holds_the_rows_of_one_class_only() -> None:
    device = Lossy(deaf=True)
    copy, processor = replica(device)

    await served_by_device(copy, processor, allowed(EVEN))
    before = processor.asked
    copy.search(ASKED, 5, allowed=allowed(~EVEN))

    assert device.loaded[-1] == EVEN.sum()
    assert processor.asked == before + 1


async def test_the_class_that_is_asked_again_and_again_takes_the_place() -> None:
    device = Lossy(deaf=True)
    copy, processor = replica(device)
    await served_by_device(copy, processor, None)

    found = await served_by_device(copy, processor, allowed(~EVEN))

    assert device.loaded[-2:] == [ROWS, (~EVEN).sum()]
    assert not (set(found.rows[0].tolist()) & set(np.flatnonzero(EVEN).tolist()))


async def test_the_processor_takes_over_from_a_lost_device_and_gives_it_back_later() -> None:
    device, clock = Lossy(), Clock()
    copy, processor = replica(device, clock)
    before = await served_by_device(copy, processor, None)

    device.lost = True
    after = copy.search(ASKED, 5, allowed=None)
    calls = device.searches
    copy.search(ASKED, 5, allowed=None)

    assert after.rows.tolist() == before.rows.tolist()
    assert device.searches == calls
    device.lost, clock.now = False, 60.0
    await served_by_device(copy, processor, None)


def test_a_device_that_has_no_room_left_leaves_everything_to_the_processor() -> None:
    class Full(Lossy):
        def load(self, vectors: DenseVector) -> DeviceRows:
            if len(vectors) == ROWS:
                raise IndexUnavailable("out of memory")
            return super().load(vectors)

    copy, processor = replica(Full())

    for _ in range(3):
        assert copy.search(ASKED, 5, allowed=None).rows[0, 0] == 0
    assert processor.asked == 3


async def test_the_processor_is_asked_for_more_than_the_device_finds_at_once() -> None:
    device = Lossy()
    copy, processor = replica(device)
    await served_by_device(copy, processor, None)
    before = processor.asked

    copy.search(ASKED, MOST_ROWS + 1, allowed=None)
    copy.search(ASKED, 5, allowed=None)

    assert processor.asked == before + 1


async def test_a_device_that_hangs_is_waited_for_half_a_second_once() -> None:
    device = Lossy()
    copy, processor = replica(device)
    await served_by_device(copy, processor, None)
    before, calls = processor.asked, device.searches
    device.free.clear()

    found = [copy.search(ASKED, 5, allowed=None) for _ in range(20)]
    device.free.set()

    assert processor.asked == before + 20
    assert device.searches <= calls + 1
    assert all(one.rows[0, 0] == 0 for one in found)


async def test_many_callers_are_answered_by_one_thread_and_few_calls() -> None:
    device = Lossy()
    copy, processor = replica(device)
    await served_by_device(copy, processor, None)
    calls = device.searches
    normal = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)

    with ThreadPoolExecutor(16) as callers:
        found = list(callers.map(lambda row: copy.search(normal[row : row + 1], 3, allowed=None), range(200)))

    assert [one.rows[0, 0] for one in found] == list(range(200))
    assert device.threads == {"faiss-device"}
    assert device.searches - calls <= 200


def _exact(vectors: DenseVector, limit: int, which: Allowed | None) -> Neighbours:
    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True))
    params = None if which is None else faiss.SearchParameters(sel=faiss.IDSelectorBitmap(which.bits))
    return Neighbours(*index.search(vectors, limit, params=params))
