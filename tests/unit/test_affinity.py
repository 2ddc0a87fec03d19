"""What is unlike the best passages, or lies among poor ones, falls behind."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.ids import PointId
from rag_service.ports.fusion import Fused, Ranked
from rag_service.use_cases.searching.affinity import Affinity, affinity, looked_at, reordered
from tests.unit.test_feedback import direction, fused, names

WEIGHT = 0.5


def of(**degrees: float) -> Affinity:
    return affinity([PointId(name) for name in degrees], {PointId(name): direction(at) for name, at in degrees.items()})


def order(found: Fused, near: Affinity, *, weight: float = WEIGHT) -> Ranked:
    return reordered(found, near, feedback_weight=weight)


NOTHING = affinity([], {})


def test_what_is_unlike_the_two_best_falls_behind() -> None:
    assert names(order(fused(1.0, 0.9, 0.8, 0.75), of(a=0, b=20, c=150, d=15))) == "abdc"


def test_of_two_as_like_the_best_the_one_among_better_ones_comes_first() -> None:
    found = fused(1.0, 1.0, 0.7, 0.6, 0.6, 0.1, 0.1, 0.1)
    #           a, b: the examples; d lies on the side of c, e as far on the other, among the poor
    around = of(a=0, b=0, c=62, e=-60, d=60, f=-62, g=-64, h=-58)

    ranked = "".join(name for name in names(order(found, around)) if name in "de")

    assert ranked == "de"
    assert names(order(found, NOTHING)) == names(found.ranked)


def test_the_lead_over_one_that_lies_alike_stays() -> None:
    ranked = order(fused(1.0, 0.7, 0.1), of(a=0, b=90, c=50))

    assert ranked[0][1] - ranked[1][1] == pytest.approx(0.3)


def test_passages_of_the_same_words_tie_though_one_of_them_is_an_example() -> None:
    ranked = order(fused(0.9, 0.8, 0.8, 0.3, names="adcb"), of(a=10, d=40, c=40, b=70))

    assert names(ranked) == "acdb"
    assert ranked[1][1] == ranked[2][1]


def test_one_passage_alone_is_like_itself() -> None:
    assert order(fused(0.9, names="a"), of(a=10)) == fused(0.9, names="a").ranked


DEGREES = st.lists(st.floats(0, 360), min_size=1, max_size=8)


def lying(degrees: list[float]) -> Affinity:
    return of(**{chr(97 + place): each for place, each in enumerate(degrees)})


@given(DEGREES)
def test_likeness_is_a_share_of_the_one_most_like_the_best(degrees: list[float]) -> None:
    near = lying(degrees)

    assert len(near.points) == len(degrees)
    assert near.likeness.max() == 1.0 and near.likeness.min() >= 0.0


@given(DEGREES, st.data())
def test_what_is_around_a_passage_is_a_mean_of_up_to_three_others(degrees: list[float], data: st.DataObject) -> None:
    scores = np.array(data.draw(st.lists(st.floats(-1, 1), min_size=len(degrees), max_size=len(degrees))))
    near = lying(degrees)

    around = near.around(scores)

    for place in range(len(degrees)):
        others = scores[near.nearest[place]] if near.nearest.size else scores[[place]]
        assert len(others) == min(3, max(1, len(degrees) - 1))
        assert place not in (near.nearest[place] if near.nearest.size else ())
        assert others.min() - 1e-9 <= around[place] <= others.max() + 1e-9


@given(DEGREES, st.lists(st.floats(0, 1), max_size=12), st.floats(0, 1), st.floats(0, 1))
def test_scores_only_fall_and_what_was_not_looked_at_stays_behind_in_its_order(
    degrees: list[float], more: list[float], weight: float, dense_weight: float
) -> None:
    scores = sorted([*(1 - place / 10 for place in range(len(degrees))), *(each / 4 for each in more)], reverse=True)
    found = fused(*scores, names="abcdefghijklmnopqrstuvwxyz", dense_weight=dense_weight)

    ranked = order(found, lying(degrees), weight=weight)

    before = {one.chunk_id: score for one, score in found.ranked}
    assert {one.chunk_id for one, _ in ranked} == set(before)
    # For what is unlike by the weight, and by the weight of what scores then lie apart.
    counts = weight * dense_weight
    most = counts + counts * (max(scores) - min(scores) + counts)
    assert all(
        max(0.0, before[one.chunk_id] - most) - 1e-9 <= score <= before[one.chunk_id] + 1e-9 for one, score in ranked
    )
    assert all(mine >= theirs for (_, mine), (_, theirs) in pairwise(ranked))
    after = {one.chunk_id: score for one, score in ranked}
    first, rest = names(found.ranked)[: len(degrees)], names(found.ranked)[len(degrees) :]
    assert min(after[name] for name in first) >= max((after[name] for name in rest), default=0) - 1e-9
    assert "".join(name for name in names(ranked) if name in rest) == rest


def test_what_was_not_looked_at_stays_behind_what_lies_among_the_poorest() -> None:
    ranked = order(fused(1.0, 1.0, 0.5, 0.49, 0.48), of(a=0, b=0, c=180, d=180))

    assert names(ranked) == "abcde"


@given(st.lists(st.floats(0, 1), max_size=10), st.floats(0, 1))
def test_without_vectors_the_order_stays(scores: list[float], weight: float) -> None:
    found = fused(*sorted(scores, reverse=True))

    assert names(order(found, NOTHING, weight=weight)) == names(found.ranked)


def test_equal_scores_are_ordered_by_chunk() -> None:
    assert names(order(fused(0.5, 0.5, 0.5, names="cab"), NOTHING)) == "abc"


def test_not_everything_is_looked_at() -> None:
    many = fused(*(0.9 for _ in range(300)), names="".join(chr(0x4E00 + place) for place in range(300)))

    assert looked_at(many) == [one.point_id for one, _ in many.ranked][: len(looked_at(many))]
    assert 2 < len(looked_at(many)) <= 50
