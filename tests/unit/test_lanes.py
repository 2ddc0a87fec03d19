"""Questions that come while the model is busy are embedded together."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from rag_service.embedding.lanes import GatheringLane
from rag_service.ports.vectors import DenseVector


class Model:
    """Notes its batches; the vector of a text is its length. Runs when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, texts: Sequence[str]) -> DenseVector:
        self.has_begun.set()
        self.may_go_on.wait()
        self.batches.append(list(texts))
        if "bad" in texts:
            raise ValueError("bad")
        return np.array([[len(text)] for text in texts], dtype=np.float32)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def lane(model: Model) -> Iterator[GatheringLane]:
    made = GatheringLane("test", lambda: model, length_of=len)
    yield made
    model.may_go_on.set()
    made.close()


async def behind_one(lane: GatheringLane, model: Model, texts: Sequence[str]) -> "list[asyncio.Task[DenseVector]]":
    """Let the model be busy with one text, and these wait behind it."""
    model.may_go_on.clear()
    tasks = [asyncio.create_task(lane.run("first"))]
    await asyncio.to_thread(model.has_begun.wait)
    tasks += [asyncio.create_task(lane.run(text)) for text in texts]
    await asyncio.sleep(0)
    return tasks


async def test_one_alone_waits_for_nobody(lane: GatheringLane, model: Model) -> None:
    assert (await lane.run("alone")).tolist() == [5]
    assert model.batches == [["alone"]]


async def test_what_waits_is_embedded_together_and_each_gets_its_own(lane: GatheringLane, model: Model) -> None:
    tasks = await behind_one(lane, model, ["a", "bb", "ccc"])

    model.may_go_on.set()

    assert [int(vector[0]) for vector in await asyncio.gather(*tasks)] == [5, 1, 2, 3]
    assert model.batches == [["first"], ["a", "bb", "ccc"]]


async def test_a_batch_is_bounded_and_who_came_first_goes_first(lane: GatheringLane, model: Model) -> None:
    tasks = await behind_one(lane, model, ["a" * 60, "b" * 60, "c" * 60])

    model.may_go_on.set()
    await asyncio.gather(*tasks)

    assert [[text[0] for text in batch] for batch in model.batches] == [["f"], ["a", "b"], ["c"]]


async def test_a_text_longer_than_any_batch_is_embedded_alone(lane: GatheringLane, model: Model) -> None:
    tasks = await behind_one(lane, model, ["a", "b" * 500, "c"])

    model.may_go_on.set()
    await asyncio.gather(*tasks)

    assert [len(batch) for batch in model.batches] == [1, 1, 1, 1]


async def test_who_left_is_not_embedded(lane: GatheringLane, model: Model) -> None:
    tasks = await behind_one(lane, model, ["a", "gone", "c"])
    tasks[2].cancel()
    await asyncio.wait([tasks[2]])

    model.may_go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert model.batches == [["first"], ["a", "c"]]


async def test_an_error_of_one_turn_is_not_that_of_the_others(lane: GatheringLane, model: Model) -> None:
    tasks = await behind_one(lane, model, ["bad", "a", "b"])

    model.may_go_on.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(one, ValueError) for one in told] == [False, True, False, False]
