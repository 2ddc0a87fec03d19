"""Passages against gold quotes: hand-computed values, laws, and RAGAS's own average precision."""

import math

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from eval.metrics import ranking
from eval.metrics.contexts import context_precision, context_recall
from eval.metrics.quotes import Excerpt, as_ranking, first_rank, held_by, holds
from eval.metrics.ranking import UNJUDGED
from eval.metrics.scores import Score
from rag_service.domain.golden import GoldQuote

GOLD = [GoldQuote(document_key="a", text=f"fact {number}") for number in range(4)]
held_sets = st.lists(st.frozensets(st.sampled_from(GOLD)), max_size=8)
golds = st.lists(st.sampled_from(GOLD), min_size=1, unique=True)


def within(held: list[frozenset[GoldQuote]], gold: list[GoldQuote]) -> list[frozenset[GoldQuote]]:
    return [quotes & set(gold) for quotes in held]


@pytest.mark.parametrize(
    ("text", "quote", "does"),
    [
        ("It says:  THE sky\nis blue. Yes.", "the sky is blue.", True),
        ("sky is", "The sky is blue.", True),
        ("Before. The sky is very", "The sky is very blue.", True),
        ("blue. After.", "The sky is very blue.", False),
        ("Grass.", "The sky is blue.", False),
        ("Anything", "", True),
        ("", "The sky is blue.", False),
    ],
)
def test_a_text_holds_a_quote_a_part_of_it_or_most_of_one_cut_in_two(text: str, quote: str, does: bool) -> None:
    assert holds(text, quote) is does


@given(st.text(), st.text(min_size=1), st.text())
def test_a_text_holds_every_quote_that_stands_in_it(before: str, quote: str, after: str) -> None:
    assert holds(f"{before} {quote} {after}", quote) or not quote.strip()


@given(st.text("ab ", min_size=4), st.integers(0, 40))
def test_wherever_a_quote_is_cut_one_of_both_passages_holds_it(quote: str, at: int) -> None:
    cut = min(at, len(quote))
    parts = [f"Before. {quote[:cut]}", f"{quote[cut:]} After."]

    assert any(holds(part, quote) for part in parts)


def test_passages_hold_the_quotes_of_their_own_document() -> None:
    found = [Excerpt(document_key="b", text="fact 1"), Excerpt(document_key="a", text="fact 1 and fact 2")]

    held = held_by(found, GOLD)

    assert held == [frozenset(), frozenset(GOLD[1:3])]
    assert first_rank(held) == 2


def test_context_precision_is_the_mean_precision_at_relevant_ranks() -> None:
    held = [frozenset(), frozenset(GOLD[:1]), frozenset(), frozenset(GOLD[1:])]

    assert context_precision(held, GOLD) == Score((1 / 2 + 2 / 4) / 2)


def test_context_recall_is_the_share_of_gold_quotes_found() -> None:
    held = [frozenset(GOLD[:1]), frozenset(GOLD[:2])]

    assert context_recall(held, GOLD) == Score(0.5)
    assert context_recall(held, GOLD, 1) == Score(0.25)


@pytest.mark.parametrize("metric", [context_precision, context_recall])
def test_without_gold_nothing_is_measured(metric) -> None:
    assert metric([frozenset()], []) == Score(None, UNJUDGED)


def test_overlapping_passages_count_once_and_quotes_found_together_as_one() -> None:
    held = [frozenset(GOLD[:2]), frozenset(GOLD[:1]), frozenset(GOLD[2:3])]

    found, grades = as_ranking(held, GOLD)

    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ranking.ndcg_at(found, grades, 5).value == pytest.approx((1 + 1 / math.log2(4)) / ideal)


@given(held_sets, golds)
def test_every_figure_of_passages_lies_between_zero_and_one(held, gold) -> None:
    held = within(held, gold)
    found, grades = as_ranking(held, gold)

    scores = [context_precision(held, gold), context_recall(held, gold), ranking.ndcg_at(found, grades, 5)]

    assert all(0.0 <= score.value <= 1.0 + 1e-12 for score in scores)


@given(held_sets, golds)
def test_the_order_of_passages_does_not_move_their_recall(held, gold) -> None:
    held = within(held, gold)

    assert context_recall(held[::-1], gold) == context_recall(held, gold)


@given(held_sets, golds)
def test_a_useless_passage_at_the_end_changes_nothing_and_at_the_front_never_helps(held, gold) -> None:
    held = within(held, gold)

    assert context_precision([*held, frozenset()], gold) == context_precision(held, gold)
    assert context_precision([frozenset(), *held], gold).value <= context_precision(held, gold).value


@given(st.lists(st.booleans(), min_size=1, max_size=10))
def test_context_precision_is_the_average_precision_of_scikit_learn(verdicts: list[bool]) -> None:
    held = [frozenset(GOLD[:1]) if verdict else frozenset() for verdict in verdicts]

    expected = average_precision_score(verdicts, range(len(verdicts), 0, -1)) if any(verdicts) else 0.0

    assert context_precision(held, GOLD).value == pytest.approx(expected)


@given(held_sets, golds)
def test_the_reciprocal_rank_is_that_of_trec_eval(held, gold) -> None:
    found, grades = as_ranking(within(held, gold), gold)
    run = {"q": {key: float(len(found) - place) for place, key in enumerate(found)}}
    evaluator = pytrec_eval.RelevanceEvaluator({"q": grades}, {"recip_rank"})

    expected = evaluator.evaluate(run)["q"]["recip_rank"] if found else 0.0

    assert ranking.reciprocal_rank_at(found, grades, 100).value == pytest.approx(expected)
