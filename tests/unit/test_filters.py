"""Filters as callers write them, and what they mean."""

import json
from typing import Any

import pytest
from openai.types.shared_params import ComparisonFilter, CompoundFilter

from rag_service.domain.filters import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_VALUES,
    Comparison,
    Compound,
    Connective,
    Kind,
    Operator,
    Scalar,
    constant_of,
    matches,
    parse_filter,
    written_filter,
)
from rag_service.errors import InvalidRequest

YEAR: ComparisonFilter = {"type": "gte", "key": "year", "value": 2025}
TOPIC: ComparisonFilter = {"type": "in", "key": "topic", "value": ["snow", 1]}
EITHER: CompoundFilter = {"type": "or", "filters": [YEAR, TOPIC]}


def passes(raw: object, **known: Scalar) -> bool:
    return matches(parse_filter(raw), known)


def nested(depth: int) -> dict[str, Any]:
    return dict(YEAR) if depth == 1 else {"type": "and", "filters": [nested(depth - 1)]}


def test_openais_filters_are_read() -> None:
    assert parse_filter(EITHER) == Compound(
        connective=Connective.OR,
        filters=(
            Comparison(operator=Operator.GTE, key="year", constants=(constant_of(2025.0),)),
            Comparison(operator=Operator.IN, key="topic", constants=(constant_of("snow"), constant_of(1))),
        ),
    )


def test_true_and_1_are_two_filters() -> None:
    truth, one = (parse_filter({"type": "eq", "key": "a", "value": value}) for value in (True, 1))

    assert truth != one and len({truth, one}) == 2
    assert constant_of(True).kind is Kind.TRUTH


@pytest.mark.parametrize("raw", [YEAR, EITHER, nested(3), {"type": "eq", "key": "a", "value": True}])
def test_a_filter_is_written_as_it_was_asked(raw: dict[str, Any]) -> None:
    written = written_filter(parse_filter(raw))

    assert written == raw
    assert parse_filter(json.loads(json.dumps(written))) == parse_filter(raw)


@pytest.mark.parametrize("operator", ["ne", "nin"])
def test_a_document_without_the_key_passes_what_excludes_only(operator: str) -> None:
    value = ["x"] if operator == "nin" else "x"

    assert passes({"type": operator, "key": "topic", "value": value}, year=2025.0)
    assert not passes({"type": operator, "key": "topic", "value": value}, topic="x")


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("known", [{}, {"year": "2025"}, {"year": True}])
def test_what_is_absent_or_of_another_kind_has_no_order(operator: str, known: dict[str, Scalar]) -> None:
    assert not passes({"type": operator, "key": "year", "value": 2025}, **known)


def test_texts_are_ordered_by_code_points() -> None:
    after_z = {"type": "gt", "key": "name", "value": "Z"}

    assert [name for name in ("Alma", "Zoe", "alma", "Émile") if passes(after_z, name=name)] == ["Zoe", "alma", "Émile"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (None, "filters"),
        ([], "filters"),
        ({}, "filters.type"),
        ({"type": ["eq"]}, "filters.type"),
        ({"type": "like", "key": "a", "value": "b"}, "filters.type"),
        ({"type": "eq", "value": "b"}, "filters.key"),
        ({"type": "eq", "key": "", "value": "b"}, "filters.key"),
        ({"type": "eq", "key": "a\x00", "value": "b"}, "filters.key"),
        ({"type": "eq", "key": "a"}, "filters.value"),
        ({"type": "eq", "key": "a", "value": ["b"]}, "filters.value"),
        ({"type": "eq", "key": "a", "value": float("nan")}, "filters.value"),
        ({"type": "eq", "key": "a", "value": 10**400}, "filters.value"),
        ({"type": "eq", "key": "a", "value": "b" * 513}, "filters.value"),
        ({"type": "gt", "key": "a", "value": True}, "filters.value"),
        ({"type": "in", "key": "a", "value": "b"}, "filters.value"),
        ({"type": "in", "key": "a", "value": ["b", None]}, "filters.value[1]"),
        ({"type": "eq", "key": "a", "value": "b", "filter": []}, "filters.filter"),
        ({"type": "and"}, "filters.filters"),
        ({"type": "and", "filters": []}, "filters.filters"),
        ({"type": "and", "filters": [YEAR], "key": "a"}, "filters.key"),
        ({"type": "and", "filters": [YEAR, {"type": "or", "filters": ["x"]}]}, "filters.filters[1].filters[0]"),
        (nested(MAX_DEPTH + 1), "filters" + ".filters[0]" * MAX_DEPTH),
        ({"type": "and", "filters": [YEAR] * (MAX_COMPARISONS + 1)}, "filters"),
        ({"type": "in", "key": "a", "value": ["b"] * (MAX_VALUES + 1)}, "filters"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(raw: object, place: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_filter(raw)

    assert refused.value.param == place
    assert str(refused.value).startswith(f"{place}: ")


def test_a_filter_at_its_limits_is_read() -> None:
    assert parse_filter(nested(MAX_DEPTH))
    assert parse_filter({"type": "and", "filters": [YEAR] * MAX_COMPARISONS})
