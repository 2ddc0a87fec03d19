"""Our judge-free faithfulness against labels, on a set of the test's own."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from eval.label_sets import BALANCED_ACCURACY, chosen, measure_label_sets, measure_labels, read_items
from eval.metrics.agreement import KAPPA
from eval.suites import LabelledSet, LabelsSuite, read_suite
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.settings import Settings
from rag_service.verification.lexical import LexicalVerifier

CONTEXT = "The bridge was opened in 1932.\n\nIt is 503 metres long and carries eight lanes."


def row(number: int, response: str, label: str, **changes) -> dict[str, object]:
    return {"id": str(number), "context": CONTEXT, "question": "", "response": response, "label": label} | changes


ROWS = [
    row(1, "The bridge was opened in 1932.", "faithful"),
    row(2, "It carries eight lanes.", "faithful"),
    row(3, "The bridge was opened in 1935.", "hallucinated"),
    row(4, "It is 503 metres long. Tourists love its painted towers.", "hallucinated"),
    row(5, "Nice!", "generic"),
]


@pytest.fixture
def container() -> SimpleNamespace:
    settings = Settings()
    return SimpleNamespace(verifier=LexicalVerifier(HashingEmbedder(64)), settings=settings)


def written(folder: Path, rows: list[dict[str, object]], name: str = "items.jsonl") -> Path:
    (folder / name).write_text("\n".join(map(json.dumps, rows)))
    return folder


async def test_a_response_is_as_well_supported_as_its_worst_sentence(container, tmp_path: Path) -> None:
    labelled = LabelledSet(folder="made", published={"Other": 70.5})

    section = await measure_labels(container, written(tmp_path, ROWS), labelled, limit=9, seed=1, tell=print)

    figures = {figure.name: figure.value for figure in section.metrics}
    assert (figures[BALANCED_ACCURACY], figures["AUC"], figures[KAPPA]) == (1.0, 1.0, 1.0)
    assert "Other 70.5" in section.notes[0]


def test_what_makes_no_statement_is_left_out(tmp_path: Path) -> None:
    assert [item.supported for item in read_items(written(tmp_path, ROWS))] == [True, True, False, False]


def test_labels_of_sentences_come_before_those_of_the_whole(tmp_path: Path) -> None:
    parts = [{"text": "One.", "label": "supported"}, {"text": "Two.", "label": "no_majority"}]

    [item] = read_items(written(tmp_path, [row(1, "One. Two.", "hallucinated", sentences=parts)]))

    assert (item.response, item.supported) == ("One.", True)


def test_contexts_may_stand_apart_and_files_be_gzipped(tmp_path: Path) -> None:
    apart = {key: value for key, value in row(1, "Yes.", "faithful").items() if key != "context"}
    (tmp_path / "items.jsonl.gz").write_bytes(gzip.compress(json.dumps(apart | {"context_id": "c"}).encode()))
    written(tmp_path, [{"id": "c", "text": "Yes."}], "contexts.jsonl")

    assert read_items(tmp_path)[0].context == "Yes."


def test_the_same_seed_draws_the_same_items_in_their_own_order(tmp_path: Path) -> None:
    items = read_items(written(tmp_path, ROWS))
    drawn = chosen(items, limit=2, seed=5)

    assert drawn == chosen(items, limit=2, seed=5)
    assert [items.index(item) for item in drawn] == sorted(items.index(item) for item in drawn)


async def test_a_set_that_is_not_there_is_skipped(container, tmp_path: Path) -> None:
    suite = LabelsSuite(
        kind="labels", items=3, seed=1, sets=(LabelledSet(folder="absent"), LabelledSet(folder="other"))
    )

    [section] = await measure_label_sets(container, tmp_path, suite, only={"absent"}, limit=None, tell=print)

    assert section.notes[0].startswith("Skipped")
    assert section.metrics == []


def test_the_suite_names_its_sets_and_what_others_published() -> None:
    suite = read_suite("faithfulness")

    assert next(one for one in suite.sets if one.folder == "wice").published["HHEM-2.1"] == 75.9
