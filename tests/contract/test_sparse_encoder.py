"""Rules of the SparseEncoder port, and of the tables of document frequencies beside it."""

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.embedding.bm25 import AVERAGE_TERMS, K1, B, Bm25Encoder
from rag_service.embedding.words import STOP_IDS, passage_terms
from rag_service.ports.sparse_encoder import (
    NO_FREQUENCIES,
    DocumentFrequencies,
    SparseEncoder,
    frequencies_of,
    minus,
    plus,
)
from rag_service.ports.vectors import SparseVector

texts = st.lists(st.text(alphabet=st.sampled_from("ab c.é中1-_"), max_size=30), max_size=6)

WORDS = "turbine engine wagon valve piston boiler axle brake crane depot".split()


@pytest.fixture(params=["bm25"])
def encoder() -> SparseEncoder:
    return Bm25Encoder()


def score(encoder: SparseEncoder, query: str, passage: str, corpus: list[str]) -> float:
    frequencies = frequencies_of([encoder.encode_passage(text) for text in corpus])
    return encoder.encode_query(query, frequencies).dot(encoder.encode_passage(passage))


def terms_of(text: str) -> list[int]:
    return passage_terms(text).counted


def table(frequencies: DocumentFrequencies) -> tuple[int, dict[int, int]]:
    pairs = zip(frequencies.terms.tolist(), frequencies.counts.tolist(), strict=True)
    return frequencies.chunk_count, dict(pairs)


@given(st.text(max_size=80))
def test_vectors_are_as_the_port_says(text: str) -> None:
    vector = Bm25Encoder().encode_passage(text)

    assert vector.indices.dtype == np.uint32 and vector.values.dtype == np.float32
    assert (np.diff(vector.indices.astype(np.int64)) > 0).all()
    assert (vector.values > 0).all() and len(vector.indices) == len(vector.values)


@given(st.integers(1, 300), st.integers(0, 100), st.integers(1, 400))
def test_an_encoder_can_be_made_of_its_fingerprint(k1: int, b: int, average: int) -> None:
    named = Bm25Encoder(k1=k1 / 100, b=b / 100, average_terms=average).fingerprint

    again = Bm25Encoder.of(named)

    assert again is not None and again.fingerprint == named


@pytest.mark.parametrize(
    "named",
    [
        "",
        "bm25-0",
        Bm25Encoder().fingerprint + "0",
        "x" + Bm25Encoder().fingerprint,
        Bm25Encoder().fingerprint.replace("k1=1.1", "k1=1..1"),
    ],
)
def test_of_another_fingerprint_no_encoder_is_made(named: str) -> None:
    assert Bm25Encoder.of(named) is None


def test_the_inner_product_is_the_bm25_score(encoder: SparseEncoder) -> None:
    corpus = ["red engines pull red wagons", "the engine stops", "green wagons"]
    counts = Counter(terms_of(corpus[0]))
    length = sum(count for term, count in counts.items() if term not in STOP_IDS)

    def part(word: str, containing: int) -> float:
        idf = math.log(1 + (3 - containing + 0.5) / (containing + 0.5))
        frequency = counts[terms_of(word)[0]]
        return idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / AVERAGE_TERMS))

    assert score(encoder, "red engines", corpus[0], corpus) == pytest.approx(
        part("red", 1) + part("engine", 2), rel=0.01
    )


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), min_size=1, max_size=9), st.permutations(WORDS))
def test_a_score_is_the_same_in_whatever_order_an_engine_adds(passages: list[list[str]], order: list[str]) -> None:
    encoded_ones = encoded([" ".join(words) for words in passages])
    query = Bm25Encoder().encode_query(" ".join(WORDS), frequencies_of(encoded_ones))
    weights = dict(zip(query.indices.tolist(), query.values, strict=True))
    values = dict(zip(encoded_ones[0].indices.tolist(), encoded_ones[0].values, strict=True))
    terms = [term for word in order if (term := terms_of(word)[0]) in values]

    sums = {sum((weights[term] * values[term] for term in some), np.float32(0)) for some in (terms, sorted(terms))}

    assert len(sums) == 1 and {type(one) for one in sums} == {np.float32}


def test_a_passage_does_not_depend_on_the_corpus(encoder: SparseEncoder) -> None:
    before = encoder.encode_passage("a turbine blade")
    encoder.encode_query("turbine", frequencies_of([before] * 9))

    assert before.dot(encoder.encode_passage("a turbine blade")) == pytest.approx(float(np.square(before.values).sum()))


def test_terms_are_the_same_in_another_process() -> None:
    code = (
        "from rag_service.embedding.words import passage_terms; print(passage_terms('Engines of Ärzte 東京 ERR-1042'))"
    )

    result = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )

    assert result.stdout.strip() == str(passage_terms("Engines of Ärzte 東京 ERR-1042"))


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("engine", "Two ENGINES were tested."),
        ("ERR-1042", "The log shows err-1042 at noon."),
        ("1042", "The log shows ERR-1042 at noon."),
        ("v2.1", "Since v2.1, this is off."),
        ("C++", "Written in C++."),
        ("max_tokens", "Set max_tokens to 5."),
        ("cafe", "Das Café am Markt"),
        ("finance", "The ﬁnance team"),
        ("東京", "私は東京に住んでいます。"),
        ("机器学习", "本章介绍机器学习的方法。"),
        ("ประเทศไทย", "เขาเกิดในประเทศไทยเมื่อปีที่แล้ว"),
        ("हिन्दी", "यह पुस्तक हिन्दी में है।"),
        ("книга", "Она читает книги."),
        ("كتاب", "هذا الكتاب جديد"),
        ("the who", "The Who played in 1970."),
    ],
)
def test_a_passage_is_found_by_its_words(encoder: SparseEncoder, query: str, passage: str) -> None:
    assert score(encoder, query, passage, [passage, "nothing of the kind"]) > 0


def test_a_term_as_a_whole_counts_more_than_its_parts_apart(encoder: SparseEncoder) -> None:
    corpus = ["see err-1042 there", "see err 7 and row 1042 there"]

    assert score(encoder, "ERR-1042", corpus[0], corpus) > score(encoder, "ERR-1042", corpus[1], corpus)


def test_words_of_the_question_weigh_nothing_beside_real_ones(encoder: SparseEncoder) -> None:
    assert score(encoder, "what is the turbine", "what is the matter", ["what is the matter", "a turbine"]) == 0


@pytest.mark.parametrize("text", ["", "   ", "!? …", "\u0301"])
def test_a_text_without_words_has_no_terms_or_finds_none(encoder: SparseEncoder, text: str) -> None:
    assert score(encoder, text, "some passage", ["some passage"]) == 0


def test_an_unknown_term_has_the_highest_idf(encoder: SparseEncoder) -> None:
    frequencies = frequencies_of([encoder.encode_passage("turbine"), encoder.encode_passage("turbine blade")])

    unknown = encoder.encode_query("zeppelin", frequencies).values[0]

    assert unknown > encoder.encode_query("blade", frequencies).values[0] > 0
    assert encoder.encode_query("zeppelin", NO_FREQUENCIES).values[0] > 0


def encoded(passages: list[str]) -> list[SparseVector]:
    return [Bm25Encoder().encode_passage(text) for text in passages]


@given(texts, texts)
def test_adding_tables_is_counting_both(first: list[str], second: list[str]) -> None:
    together = frequencies_of([*encoded(first), *encoded(second)])

    assert table(plus(frequencies_of(encoded(first)), frequencies_of(encoded(second)))) == table(together)


@given(texts, texts)
def test_subtracting_undoes_adding(first: list[str], second: list[str]) -> None:
    kept, gone = frequencies_of(encoded(first)), frequencies_of(encoded(second))

    assert table(minus(plus(kept, gone), gone)) == table(kept)


def test_what_was_never_added_cannot_be_subtracted(encoder: SparseEncoder) -> None:
    with pytest.raises(ValueError, match="never added"):
        minus(NO_FREQUENCIES, frequencies_of([encoder.encode_passage("turbine")]))
