"""Citations: do they point where they should, and do they resolve?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.citations import NO_CITATION, NO_GOLD, Cited, Gold, precision, recall, resolves
from eval.metrics.scores import Score
from rag_service.domain.spans import sha256_of

TEXT = "Grass is green. The sky is blue. 😀 Snow is white."


def cited(document: str, quote: str = "The sky is blue.", start: int = 16) -> Cited:
    return Cited(
        document=document, quote=quote, char_start=start, char_end=start + len(quote), quote_sha256=sha256_of(quote)
    )


def test_precision_is_the_share_of_citations_in_gold_documents() -> None:
    gold = Gold(documents=frozenset(["a", "b"]))

    assert precision([cited("a"), cited("x"), cited("b"), cited("y")], gold) == Score(0.5)


def test_recall_is_the_share_of_gold_documents_cited() -> None:
    gold = Gold(documents=frozenset(["a", "b"]))

    assert recall([cited("a"), cited("a"), cited("x")], gold) == Score(0.5)


def test_with_a_gold_quote_the_right_document_is_not_enough() -> None:
    gold = Gold(documents=frozenset(["a"]), quotes=("the  SKY is blue.",))

    assert precision([cited("a"), cited("a", "Grass is green.", 0)], gold) == Score(0.5)


def test_a_gold_quote_counts_when_it_is_part_of_what_is_cited() -> None:
    gold = Gold(documents=frozenset(["a"]), quotes=("sky is blue", "Snow is white."))

    assert recall([cited("a")], gold) == Score(0.5)


@pytest.mark.parametrize("metric", [precision, recall])
def test_without_citations_or_gold_nothing_is_measured(metric) -> None:
    assert metric([], Gold(documents=frozenset(["a"]))) == Score(None, NO_CITATION)
    assert metric([cited("a")], Gold(documents=frozenset())) == Score(None, NO_GOLD)


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
