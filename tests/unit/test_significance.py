"""McNemar's test and Holm's correction against values computed by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.significance import holm, mcnemar

counts = st.integers(0, 400)
p_values = st.lists(st.floats(0, 1), max_size=30)


@pytest.mark.parametrize(
    ("lost", "won", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 · 1/2
        (3, 0, 0.25),  # 2 · 1/8
        (6, 0, 0.03125),  # 2 · 1/64
        (1, 5, 0.21875),  # 2 · (1 + 6)/64
        (2, 8, 0.109375),  # 2 · (1 + 10 + 45)/1024
        (4, 4, 1.0),
    ],
)
def test_mcnemars_exact_p_value_is_the_one_computed_by_hand(lost: int, won: int, expected: float) -> None:
    assert mcnemar(lost, won) == pytest.approx(expected)


@given(lost=counts, won=counts)
def test_mcnemar_does_not_ask_which_run_came_first(lost: int, won: int) -> None:
    assert mcnemar(lost, won) == mcnemar(won, lost)


@given(lost=counts, won=counts)
def test_mcnemar_grows_surer_with_each_further_loss_on_the_side_that_leads(lost: int, won: int) -> None:
    lead, rest = max(lost, won), min(lost, won)

    assert 0 <= mcnemar(lead + 1, rest) <= mcnemar(lead, rest) <= 1


def test_thousands_of_changes_do_not_overflow() -> None:
    assert mcnemar(3_000, 4_000) < 1e-9


def test_holm_is_the_one_computed_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 · 0.01, 2 · 0.03, then never less


@given(p_values)
def test_holm_makes_nothing_surer_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)

    assert all(old <= new <= 1 for old, new in zip(values, adjusted, strict=True))
    by_size = sorted(zip(values, adjusted, strict=True))
    assert [new for _, new in by_size] == sorted(new for _, new in by_size)


def test_a_single_comparison_is_not_corrected() -> None:
    assert holm([0.04]) == [0.04]
