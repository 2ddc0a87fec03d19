import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.retrieval.postings_scan import highest


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    row_count=st.integers(0, 4_000),
    scored=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    seen=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    values=st.integers(1, 1_000),
    limit=st.integers(1, 12),
)
def test_the_best_visible_rows_are_among_those_picked_with_all_that_tie(
    seed, row_count, scored, seen, values, limit
) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(1, values + 1, row_count).astype(np.float32) * (random.random(row_count) < scored)
    visible = random.random(row_count) < seen
    wanted = np.flatnonzero(visible & (scores > 0))
    least = np.sort(scores[wanted])[-limit] if wanted.size > limit else 0.0

    picked = highest(scores.astype(np.float32), visible, limit)

    assert set(wanted[scores[wanted] >= least].tolist()) <= set(picked.tolist()) <= set(wanted.tolist())
    assert picked.tolist() == sorted(picked.tolist())


def test_what_cannot_be_among_the_best_is_not_looked_at_again() -> None:
    scores = np.arange(1, 100_001, dtype=np.float32)

    picked = highest(scores, np.ones(scores.size, dtype=np.bool_), 10)

    assert picked.size < 10_000
