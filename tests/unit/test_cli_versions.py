"""`rag version …` against a small service with canned replies."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

CORPUS = "/v1/corpora/handbook"
VERSION = {
    "number": 3, "published_at": 1_767_225_600, "document_count": 2, "chunk_count": 9, "labels": ["spring"],
    "notes": "After the review.", "current": True,
}  # fmt: skip
EDITED = {"document_id": "doc_a", "document_key": "a.md"}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def difference(**changed: Any) -> dict[str, Any]:
    counts = {"chunks": {"added": 2, "removed": 1, "kept": 7}, "tokens": {"added": 80, "removed": 40}}
    return {"added": [], "removed": [], "changed": [], **counts, **changed}


def test_versions_are_listed_with_the_published_one_marked(service: CannedService) -> None:
    unpublished = {**VERSION, "number": 4, "published_at": None, "labels": [], "current": False}
    service.replies["GET", f"{CORPUS}/versions"] = [(200, {"data": [unpublished, VERSION], "has_more": False})]

    result = rag(service, "version", "list", "--corpus", "handbook")

    assert result.stdout.splitlines() == [
        "     4  not published      2 documents, 9 chunks",
        "*    3  2026-01-01 00:00Z  2 documents, 9 chunks  [spring]",
    ]


def test_a_version_is_shown_with_its_notes(service: CannedService) -> None:
    service.replies["GET", f"{CORPUS}/versions/3"] = [(200, VERSION)]

    assert rag(service, "version", "show", "3", "--corpus", "handbook").stdout.endswith("\nAfter the review.\n")


def test_a_difference_names_the_documents(service: CannedService) -> None:
    service.replies["GET", f"{CORPUS}/versions/diff"] = [(200, difference(added=[EDITED]))]

    result = rag(service, "version", "diff", "2", "3", "--corpus", "handbook")

    assert result.stdout.splitlines() == [
        "+ a.md",
        "Chunks: 2 added, 1 removed, 7 kept.",
        "Tokens: 80 added, 40 removed.",
    ]


def test_the_text_of_a_document_is_compared_by_its_key(service: CannedService) -> None:
    hunk = {"start_before": 10, "start_after": 10, "removed": "It is blue.\n", "added": "It is green.\n"}
    service.replies["GET", f"{CORPUS}/versions/diff"] = [(200, difference(changed=[EDITED])), (200, {"hunks": [hunk]})]

    result = rag(service, "version", "diff", "2", "3", "--corpus", "handbook", "--document", "a.md")

    assert result.stdout == "@@ 10 10 @@\n- It is blue.\n+ It is green.\n"
    assert service.asked[-1][1].endswith("from=2&to=3&document_id=doc_a")


def test_rolling_back_says_where_the_corpus_was(service: CannedService) -> None:
    service.replies["POST", f"{CORPUS}/versions/3/publish"] = [(200, {"number": 3, "previous": 4})]

    result = rag(service, "version", "publish", "3", "--corpus", "handbook")

    assert result.stdout == "handbook is at version 3 now; it was at 4.\n"


def test_a_label_is_given_and_taken(service: CannedService) -> None:
    service.replies["PUT", f"{CORPUS}/labels/spring"] = [(200, VERSION)]
    service.replies["DELETE", f"{CORPUS}/labels/spring"] = [(200, {"id": "spring", "deleted": True})]

    given = rag(service, "version", "label", "3", "spring", "--corpus", "handbook")
    taken = rag(service, "version", "unlabel", "spring", "--corpus", "handbook")

    assert (given.stdout, taken.exit_code) == ("handbook@spring is version 3.\n", 0)
    assert service.asked[0][2] == {"version": 3}


def test_notes_are_given(service: CannedService) -> None:
    service.replies["PATCH", f"{CORPUS}/versions/3"] = [(200, VERSION)]

    assert rag(service, "version", "note", "3", "Checked.", "--corpus", "handbook").stdout == "Version 3: Checked.\n"
    assert service.asked[-1][2] == {"notes": "Checked."}


def test_a_version_that_is_absent_is_told_with_a_hint(service: CannedService) -> None:
    result = rag(service, "version", "show", "9", "--corpus", "handbook")

    assert (result.exit_code, "Check the name" in result.stderr) == (1, True)


KEPT = {"keep_versions": 50, "keep_days": 30, "versions": 60, "droppable": [1, 2]}


def test_how_long_versions_are_kept_is_told(service: CannedService) -> None:
    service.replies["GET", f"{CORPUS}/retention"] = [(200, KEPT)]

    said = rag(service, "corpus", "retention", "handbook").stdout

    assert "the newest 50 versions" in said
    assert "removes: 1, 2." in said


def test_setting_one_number_leaves_the_other_as_it_is(service: CannedService) -> None:
    service.replies["GET", f"{CORPUS}/retention"] = [(200, KEPT)]
    service.replies["PUT", f"{CORPUS}/retention"] = [(200, {**KEPT, "keep_days": 7})]

    rag(service, "corpus", "retention", "handbook", "--keep-days", "7")

    assert service.asked[-1][2] == {"keep_versions": 50, "keep_days": 7}
