"""Words that tell groups of texts apart."""

from rag_service.domain.telling_words import MOST_WORDS, telling_words

REFUNDS = ["Can I get a refund for a course?", "How long does a refund take?", "refunds of course fees"]
PARKING = ["Where can I park?", "Is parking free at the course?", "When does the car park close?"]


def test_a_group_is_told_by_what_it_has_and_others_have_not() -> None:
    refunds, parking = telling_words([REFUNDS, PARKING])

    assert (refunds[0], parking[0]) == ("refund", "park")


def test_endings_make_no_difference_and_the_commonest_form_is_shown() -> None:
    assert telling_words([["Invoices lost", "invoices wanted", "an invoice"]]) == [("invoices",)]


def test_words_of_a_single_question_do_not_name_a_group() -> None:
    (words,) = telling_words([[*REFUNDS, "refund refund of a zeppelin zeppelin"]])

    assert "zeppelin" not in words


def test_words_of_the_rest_count_less() -> None:
    texts = ["invoice of the course", "invoice for my course"]

    assert telling_words([texts], rest=["course", "a course", "this course"]) == [("invoice", "course")]


def test_there_are_a_few_words_and_none_for_signs() -> None:
    long, signs = telling_words([["one two three four five six"] * 2, ["???", "!!!"]])

    assert len(long) == MOST_WORDS
    assert signs == ()
