"""Parameters follow from size, memory and what was measured."""

import pytest

from rag_service.domain.index_advice import (
    INT8_FROM_POINTS,
    GraphParameters,
    SearchParameters,
    advised_graph,
    advised_search,
    figures_of,
)

GIB = 2**30


def graph(points: int, *, memory_gib: float = 64, search: SearchParameters | None = None) -> GraphParameters:
    return advised_graph(points=points, dimensions=384, memory_bytes=int(memory_gib * GIB), search=search)


def test_a_small_build_keeps_whole_vectors() -> None:
    assert graph(INT8_FROM_POINTS - 1) == GraphParameters(int8=False)


def test_a_large_build_keeps_8_bit_vectors_beside_whole_ones() -> None:
    assert graph(INT8_FROM_POINTS) == GraphParameters(int8=True)


def test_a_small_machine_has_8_bit_vectors_sooner() -> None:
    assert graph(50_000, memory_gib=0.25).int8


def test_a_graph_that_was_found_wanting_is_built_more_carefully_and_of_whole_vectors() -> None:
    careful = graph(10 * INT8_FROM_POINTS, search=SearchParameters(is_wanting=True))

    assert careful == GraphParameters(m=24, ef_construct=200, int8=False)


@pytest.mark.parametrize("recall", [None, 0.97, 1.0])
def test_nothing_changes_while_enough_is_found_or_nobody_knows(recall: float | None) -> None:
    advice = advised_search(SearchParameters(), recall=recall, floor=0.97)

    assert (advice.search, advice.reason) == (SearchParameters(), None)


def test_too_little_found_lets_searches_look_farther() -> None:
    advice = advised_search(SearchParameters(ef=512), recall=0.9, floor=0.97)

    assert advice.search == SearchParameters(ef=768)
    assert advice.reason == "Recall 0.900 is under 0.970: ef is raised to 768."


def test_the_last_resort_is_to_look_at_everything() -> None:
    advised, steps = SearchParameters(), 0
    while not advised.exact:
        advised, steps = advised_search(advised, recall=0.5, floor=0.97).search, steps + 1

    assert (steps, advised) == (3, SearchParameters(ef=1024, exact=True, is_wanting=True))


def test_full_scans_stay_until_another_graph_is_there() -> None:
    full = SearchParameters(ef=1024, exact=True, is_wanting=True)

    assert advised_search(full, recall=0.5, floor=0.97).search == full


def test_parameters_are_told_as_numbers() -> None:
    assert figures_of(SearchParameters()) == {"ef": 512.0, "exact": 0.0, "is_wanting": 0.0}
