"""Reading data sets and golden questions."""

import gzip
import json
from pathlib import Path

import pytest

from eval.datasets.cases import DataAbsent
from eval.datasets.folders import read_cases, read_queries, read_texts
from eval.datasets.golden import golden_case, read_golden
from eval.suites import RetrievalSuite, read_suite, suite_names
from rag_service.domain.golden import GoldQuote
from rag_service.errors import InvalidRequest

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = [{"id": "a", "title": "A", "text": "Grass is green."}, {"id": "b", "text": "Snow is white."}]
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(_lines(texts)))
    queries = [{"id": "q0", "text": "unjudged"}, {"id": "q1", "text": "grass?"}, {"id": "q2", "text": "snow?"}]
    (tmp_path / "queries.dev.jsonl").write_bytes(_lines(queries))
    (tmp_path / "qrels.dev.tsv").write_text("query-id\tdoc-id\tscore\nq1\ta\t2\nq1\tb\t0\nq2\tb\t1\nq0\ta\t0\n")
    questions = [
        {"id": "1", "question": "Grass?", "answers": ["green"], "doc_ids": ["a"], "answerable": True},
        {"id": "2", "question": "Sea?", "answers": [], "doc_ids": ["b"], "answerable": False},
    ]
    (tmp_path / "questions.jsonl").write_bytes(_lines(questions))
    return tmp_path


def test_texts_are_read_from_a_packed_file(folder: Path) -> None:
    assert [(text.id, text.title) for text in read_texts(folder)] == [("a", "A"), ("b", "")]


def test_only_judged_queries_count_and_in_the_order_of_the_file(folder: Path) -> None:
    assert [query.id for query in read_queries(folder)] == ["q1", "q2"]


def test_the_limit_takes_the_first_judged_queries(folder: Path) -> None:
    assert [(query.id, dict(query.grades)) for query in read_queries(folder, limit=1)] == [("q1", {"a": 2, "b": 0})]


def test_a_question_carries_the_words_of_its_gold_documents(folder: Path) -> None:
    case = read_cases(folder, read_texts(folder))[0]

    assert case.quotes == (GoldQuote(document_key="a", text="Grass is green."),)


def test_an_unanswerable_question_has_no_gold_document(folder: Path) -> None:
    assert read_cases(folder, read_texts(folder))[1].quotes == ()


def test_absent_data_is_told_apart_from_a_failure(tmp_path: Path) -> None:
    with pytest.raises(DataAbsent, match="--data"):
        read_texts(tmp_path)


def test_a_golden_question_names_document_and_quote() -> None:
    row = {"id": "g", "question": "?", "answers": ["x"], "quote": "x y", "document": "a.md", "answerable": True}

    case = golden_case(row)

    assert case.quotes == (GoldQuote(document_key="a.md", text="x y"),)


def test_the_golden_questions_of_the_handbook_have_distinct_ids() -> None:
    try:
        cases = read_golden()
    except DataAbsent as exc:
        pytest.skip(str(exc))

    assert len({case.id for case in cases}) == len(cases) > 0


def test_every_suite_can_be_read() -> None:
    assert suite_names() == ["faithfulness", "golden", "retrieval", "sample", "squad-open"]
    assert all(read_suite(name) for name in suite_names())


def test_an_unknown_suite_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="golden, retrieval, sample, squad-open"):
        read_suite("nope")


def test_every_set_of_the_retrieval_suite_can_be_loaded() -> None:
    if not DATA.exists():
        pytest.skip("the development data is not beside this checkout")
    suite = read_suite("retrieval")

    assert isinstance(suite, RetrievalSuite)
    assert all(read_queries(DATA / ranked.folder, limit=suite.queries) for ranked in suite.sets)


def test_every_set_has_to_be_above_both_parts_but_the_one_that_vectors_cannot_solve() -> None:
    suite = read_suite("retrieval")

    assert isinstance(suite, RetrievalSuite)
    assert {ranked.folder: ranked.behind for ranked in suite.sets if ranked.behind} == {"limit-small": 0.005}


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
