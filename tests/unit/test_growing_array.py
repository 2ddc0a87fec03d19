import numpy as np

from rag_service.retrieval.growing_array import GrowingArray


def test_what_was_read_stays_as_it_was() -> None:
    array = GrowingArray(np.int32)
    array.append(np.arange(3, dtype=np.int32))
    before = array.values

    array.append(np.arange(5_000, dtype=np.int32))
    array.set(np.array([0]), 9)
    array.pick(np.array([1, 0]))

    assert before.tolist() == [0, 1, 2]
    assert array.values.tolist() == [1, 9]


def test_longer_names_widen_the_array() -> None:
    array = GrowingArray("S1")

    array.append(np.array([b"a"]))
    array.append(np.array([b"longer"]))

    assert array.values.tolist() == [b"a", b"longer"]


def test_rows_have_a_shape() -> None:
    array = GrowingArray(np.float32, 2)

    array.append(np.ones((3, 2), dtype=np.float32))

    assert array.values.shape == (3, 2)


def test_picked_values_are_not_moved_by_the_next_ones() -> None:
    array = GrowingArray(np.float32, 2)
    array.append(np.arange(8, dtype=np.float32).reshape(4, 2))
    array.pick(np.array([3, 1]))
    picked = array.values

    array.append(np.ones((1, 2), dtype=np.float32))

    assert np.shares_memory(picked, array.values)
    assert array.values.tolist() == [[6, 7], [2, 3], [1, 1]]
