"""Quotes in passages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.verification.quotes import find_quote, find_verbatim

PASSAGE = (
    "Rollback is instant. A version is published by one update of a row.\n"
    "The “draft” stays open – nobody sees it. Old versions are kept for thirty days[3], then they go."
)


@pytest.mark.parametrize(
    "claim",
    [
        "A version is published by one update of a row.",
        'the "draft" stays open - nobody sees it',
        "- **Old versions** are kept for thirty days, then they go.",
        "one update of a row. The “draft” stays open",
    ],
)
def test_a_claim_that_stands_in_the_passage_is_quoted_whatever_its_typography(claim: str) -> None:
    quote = find_quote(claim, PASSAGE)

    assert quote is not None
    assert quote.verbatim


def test_a_reworded_claim_gets_the_sentence_that_shares_most_with_it() -> None:
    quote = find_quote("Thirty days is how long old versions are kept", PASSAGE)

    assert quote is not None
    assert quote.span.of(PASSAGE).startswith("Old versions are kept")


def test_words_that_are_nowhere_in_the_passage_have_no_quote() -> None:
    assert find_quote("Zebras graze", PASSAGE) is None


def test_a_claim_is_not_found_inside_other_words() -> None:
    assert find_verbatim("he ran away", "She ran away quickly") is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 150), st.integers(1, 60))
def test_every_piece_of_the_passage_is_quoted_with_its_own_words(start: int, length: int) -> None:
    claim = PASSAGE[start : start + length].strip()
    quote = find_quote(claim, PASSAGE)

    assert quote is None or 0 <= quote.span.start < quote.span.end <= len(PASSAGE)
    assert quote is None or not quote.verbatim or claim.strip(".") in quote.span.of(PASSAGE)
