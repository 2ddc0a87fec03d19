"""Citations: do they point where they should, do they resolve, and do they support what they stand behind?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.citations import (
    NO_CITATION,
    NO_GOLD,
    Cited,
    UnitSupport,
    precision,
    recall,
    resolution,
    resolves,
    support_rate,
)
from eval.metrics.quotes import Excerpt, held_by
from eval.metrics.scores import Score
from rag_service.domain.golden import GoldQuote
from rag_service.domain.spans import sha256_of

TEXT = "Grass is green. The sky is blue. 😀 Snow is white."
SKY, SNOW = "The sky is blue.", "Snow is white."
A, B = GoldQuote(document_key="a", text=""), GoldQuote(document_key="b", text="")


def cited(document: str, quote: str = SKY, start: int = 16) -> Cited:
    return Cited(
        document=document, quote=quote, char_start=start, char_end=start + len(quote), quote_sha256=sha256_of(quote)
    )


def cites(*pairs: tuple[str, str]) -> list[Excerpt]:
    return [Excerpt(document_key=key, text=quote) for key, quote in pairs]


def test_precision_is_the_share_of_citations_in_gold_documents() -> None:
    quotes = cites(("a", SKY), ("x", SKY), ("b", SKY), ("y", SKY))

    assert precision(held_by(quotes, [A, B]), [A, B]) == Score(0.5)


def test_recall_is_the_share_of_gold_documents_cited() -> None:
    quotes = cites(("a", SKY), ("a", SKY), ("x", SKY))

    assert recall(held_by(quotes, [A, B]), [A, B]) == Score(0.5)


def test_with_a_gold_quote_the_right_document_is_not_enough() -> None:
    gold = [GoldQuote(document_key="a", text="the  SKY is blue.")]

    assert precision(held_by(cites(("a", SKY), ("a", "Grass is green.")), gold), gold) == Score(0.5)


def test_a_gold_quote_counts_when_it_is_part_of_what_is_cited() -> None:
    gold = [GoldQuote(document_key="a", text="sky is blue"), GoldQuote(document_key="a", text=SNOW)]

    assert recall(held_by(cites(("a", SKY)), gold), gold) == Score(0.5)


def test_the_right_words_of_the_wrong_document_do_not_count() -> None:
    gold = [GoldQuote(document_key="a", text=SKY)]

    assert recall(held_by(cites(("b", SKY)), gold), gold) == Score(0.0)


@pytest.mark.parametrize("metric", [precision, recall])
def test_without_citations_or_gold_nothing_is_measured(metric) -> None:
    assert metric([], [A]) == Score(None, NO_CITATION)
    assert metric([frozenset()], []) == Score(None, NO_GOLD)


def test_a_unit_is_supported_as_well_as_by_its_best_citation() -> None:
    supports = [UnitSupport(start=0, end=5, support=0.2), UnitSupport(start=0, end=5, support=0.9)]

    assert support_rate([*supports, UnitSupport(start=5, end=9, support=0.5)], threshold=0.6) == Score(0.5)


@given(st.lists(st.builds(UnitSupport, start=st.integers(0, 3), end=st.just(9), support=st.floats(0, 1)), min_size=1))
def test_a_higher_threshold_never_raises_the_support_rate(supports: list[UnitSupport]) -> None:
    rates = [support_rate(supports, threshold=threshold).value for threshold in (0.0, 0.3, 0.6, 0.9)]

    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 1.0


def test_resolution_is_the_share_of_citations_that_resolve() -> None:
    assert resolution([True, False, True, True]) == Score(0.75)
    assert resolution([]) == Score(None, NO_CITATION)


def test_a_citation_resolves_when_characters_and_hash_agree() -> None:
    assert resolves(cited("a"), TEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"char_start": 17},
        {"char_end": 31},
        {"quote": "The sky is blue!"},
        {"quote_sha256": sha256_of("other")},
        {"char_start": 900, "char_end": 916},
    ],
)
def test_any_difference_keeps_a_citation_from_resolving(change) -> None:
    assert not resolves(replace(cited("a"), **change), TEXT)


@given(st.text(min_size=1), st.data())
def test_every_exact_slice_of_a_text_resolves(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    text = text.encode("utf-8", "replace").decode()

    assert resolves(cited("a", text[start:end], start), text)
