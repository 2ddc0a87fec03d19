import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.ports.vectors import SparseVector
from rag_service.retrieval.postings import Segments, renumbered, segment_of, with_segment
from rag_service.retrieval.postings_scan import scores_of

ROWS = st.lists(st.dictionaries(st.integers(0, 6), st.integers(1, 9), max_size=4), min_size=1, max_size=12)


def sparse(terms: dict[int, int]) -> SparseVector:
    ordered = sorted(terms.items())
    return SparseVector(
        indices=np.array([term for term, _ in ordered], dtype=np.uint32),
        values=np.array([weight for _, weight in ordered], dtype=np.float32),
    )


def segments(rows: list[dict[int, int]], *, per_segment: int) -> Segments:
    made: Segments = ()
    for start in range(0, len(rows), per_segment):
        entries = [
            (row, *entry) for row in range(start, min(start + per_segment, len(rows))) for entry in rows[row].items()
        ]
        columns = np.array(entries, dtype=np.int64).reshape(-1, 3).T
        made = with_segment(
            made, segment_of(columns[0].astype(np.int32), columns[1].astype(np.uint32), columns[2].astype(np.float32))
        )
    return made


def scores(of: Segments, asked: dict[int, int], *, row_count: int) -> list[float]:
    return list(scores_of(of, sparse(asked), row_count=row_count).tolist())


def products(rows: list[dict[int, int]], asked: dict[int, int]) -> list[float]:
    return [float(sum(weight * asked.get(term, 0) for term, weight in terms.items())) for terms in rows]


@settings(deadline=None)
@given(rows=ROWS, asked=st.dictionaries(st.integers(0, 7), st.integers(1, 5), max_size=5), data=st.data())
def test_scores_are_the_products_with_rows_however_they_were_written(rows, asked, data) -> None:
    made = segments(rows, per_segment=data.draw(st.integers(1, 12)))

    assert scores(made, asked, row_count=len(rows)) == products(rows, asked)


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_rows_that_are_numbered_anew_keep_their_scores_and_the_others_are_gone(rows, data) -> None:
    kept = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True, min_size=1))
    places = np.full(len(rows), -1, dtype=np.int32)
    places[kept] = np.arange(len(kept))

    moved = renumbered(segments(rows, per_segment=3), places)

    asked = {1: 2, 3: 1}
    assert scores(moved, asked, row_count=len(kept)) == products([rows[row] for row in kept], asked)


def test_a_weight_below_zero_takes_nothing_away() -> None:
    made = segments([{1: 3, 2: -5}], per_segment=1)

    assert scores(made, {1: 1, 2: 1}, row_count=1) == [3.0]


def test_many_small_writes_leave_few_segments() -> None:
    made = segments([{1: 1}] * 1_000, per_segment=1)

    assert len(made) < 10
    assert scores(made, {1: 1}, row_count=1_000) == [1.0] * 1_000
