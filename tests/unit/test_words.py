"""What a text is found by: identifiers whole and in parts, words of languages, scripts without spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.embedding import words
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.function_words import languages_of
from rag_service.embedding.words import passage_terms, query_terms
from rag_service.ports.sparse_encoder import frequencies_of

codes = st.lists(st.from_regex(r"[A-Z]{2,5}|[0-9]{2,6}", fullmatch=True), min_size=2, max_size=4, unique=True)
separators = st.sampled_from("-_/.")
frames = st.sampled_from(["The log shows {} at noon.", "错误{}发生", "รหัส{}ผิด", "({})", "«{}», ещё раз"])


def scores(query: str, *passages: str) -> list[float]:
    encoded = [Bm25Encoder().encode_passage(passage) for passage in passages]
    vector = Bm25Encoder().encode_query(query, frequencies_of(encoded))
    return [vector.dot(passage) for passage in encoded]


@given(codes, separators, frames)
def test_an_identifier_is_found_whole_and_by_each_part_in_any_script(parts: list[str], sign: str, frame: str) -> None:
    passage = frame.format(sign.join(parts))

    for query in (sign.join(parts), *parts):
        assert scores(query, passage)[0] > 0


@given(codes, separators, st.data())
def test_a_whole_identifier_scores_above_its_parts(parts: list[str], sign: str, data: st.DataObject) -> None:
    whole, shuffled = sign.join(parts), " ".join(data.draw(st.permutations(parts)))
    # A name of letters alone is one when a sign says so that stands in no plain word.
    query = whole if sign != "-" else f"{whole}-7"
    passages = (f"see {query} here", f"see {shuffled} 7 here")

    first, second = scores(query, *passages)

    assert first > second


@given(st.text(max_size=60))
def test_a_query_looks_for_every_word_of_the_passage_with_the_same_text(text: str) -> None:
    assert set(passage_terms(text).counted) <= query_terms(text)


def test_what_hardly_comes_again_is_not_remembered() -> None:
    kept = words._cached_words.cache_info().currsize, words._cached_besides.cache_info().currsize

    passage_terms("ก" * 300 + " 漢字" * 20 + " " + "x1-" * 40 + "y")

    assert (words._cached_words.cache_info().currsize, words._cached_besides.cache_info().currsize) == kept


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("0x80070057", "Windows says 0x80070057."),
        ("AB-1234/56", "Part AB-1234/56, in stock"),
        ("ERR-1042", "ERR\u20111042 with a hyphen that does not break"),
        ("ERR1042", "see ERR-1042"),
        ("ERR-1042", "see ERR1042"),
        ("3.11.2", "Python v3.11.2 is out"),
        ("v3.11.2", "Python 3.11.2 is out"),
        ("jane.doe@example.com", "mail jane.doe@example.com, please"),
        ("nginx.conf", "in /etc/nginx/nginx.conf"),
        ("辻井", "辻\U000e0100井さん"),
        ("Lodz", "Łódź"),
        ("user name", "call getUserName()"),
        ("getUserName", "call get_user_name()"),
        ("get_user_name", "call getUserName()"),
        ("std::vector", "a std::vector of them"),
        (".NET", "runs on .NET here"),
        ("#release", "see #release for news"),
        ("AT&T", "made by AT&T in 1970"),
        ("水", "我喜欢喝水。"),
        ("ﾃﾞｰﾀ", "データを保存する"),
        ("ปลา", "เขากินปลาทุกวัน"),
        ("น้ำ", "ดื่มน้ำเย็น"),
        ("1990", "في عام ١٩٩٠"),
        ("مدرسة", "المَدْرَسَة الكبيرة"),
        ("كتاب", "كـــتاب جديد"),
        ("ISPARTA", "Isparta'da ve ıspartalı"),
    ],
)
def test_what_is_written_otherwise_is_found(query: str, passage: str) -> None:
    assert scores(query, passage, "nothing of the kind")[0] > 0


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("Wie heißen die Häuser?", "Das Haus ist eines der ältesten und wurde von der Stadt gekauft."),
        ("Câte națiuni sunt?", "O națiune este și un popor care se află în Europa."),
        ("Bu kitaplar kimin için?", "Kitabı ve bir defteri çok sevdi, sonra da onun için sakladı."),
        ("¿Cuáles son las canciones?", "La canción fue escrita por el autor en la ciudad."),
    ],
)
def test_words_meet_in_their_own_language(query: str, passage: str) -> None:
    own = query_terms(query) & set(passage_terms(passage).besides)

    assert own


def test_a_passage_in_english_has_no_stems_of_other_languages() -> None:
    assert passage_terms("they say that people die in the rain when it is cold").besides == []


def test_other_forms_make_a_passage_no_longer() -> None:
    plain, with_names = passage_terms("err 1042 get user name"), passage_terms("err-1042 getUserName")

    assert len(plain.counted) == 5 and len(with_names.counted) == 3
    assert set(plain.counted) <= {*with_names.counted, *with_names.besides}


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("der hund und die katze sind in dem haus", ["german"]),
        ("what is the name of the dog", ["english"]),
        ("xylophon 1042", []),
        ("nhà của người này là một", ["vietnamese"]),
        ("wie die", ["german", "dutch"]),
        ("a die", ["english"]),
    ],
)
def test_function_words_tell_a_language(text: str, languages: list[str]) -> None:
    assert languages_of(text.split(), least=1) == languages
