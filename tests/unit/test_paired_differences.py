"""How sure the mean of paired differences is, and what finding out takes."""

import tracemalloc

import numpy as np
import pytest

from rag_service.use_cases import paired_differences
from rag_service.use_cases.paired_differences import PairedDifferences

DIFFERENCES = [float(one) for one in np.random.default_rng(1).normal(0.1, 1, 40)]


@pytest.mark.parametrize("cells", [30, 1_000])
def test_it_makes_no_difference_how_much_is_worked_on_at_once(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    whole = PairedDifferences()(DIFFERENCES)
    monkeypatch.setattr(paired_differences, "_CELLS", cells)

    in_parts = PairedDifferences()(DIFFERENCES)

    assert (in_parts.low, in_parts.high) == pytest.approx((whole.low, whole.high))
    assert in_parts.p_value == whole.p_value


def test_thousands_of_pairs_take_no_hundreds_of_megabytes() -> None:
    tracemalloc.start()
    PairedDifferences()(DIFFERENCES * 75)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 80_000_000
