"""What `rag ingest` takes up from folders and JSON-lines files."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.cli.documents import items_in, rows_in
from rag_service.domain.file_endings import READ_ENDINGS
from rag_service.domain.rows import Row, read_row
from rag_service.errors import InvalidRequest


def test_files_below_a_folder_are_known_by_their_path_inside_it(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "start.md").write_text("Hello")

    items, _ = items_in([tmp_path])

    assert [(item.key, item.filename) for item in items] == [("guide/start.md", "start.md")]


def test_a_single_file_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")

    items, _ = items_in([tmp_path / "a.pdf"])

    assert [item.key for item in items] == ["a.pdf"]


@pytest.mark.parametrize("name", ["picture.png", "README", "table.xls"])
def test_other_kinds_of_files_are_listed_as_skipped(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")

    items, skipped = items_in([tmp_path])

    assert items == []
    assert [entry.name for entry in skipped] == [name]


@pytest.mark.parametrize("ending", READ_ENDINGS)
def test_the_case_of_an_ending_does_not_matter(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a{ending.upper()}").write_text("x")

    assert len(items_in([tmp_path])[0]) == 1


def test_a_hidden_folder_is_skipped_as_one(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.md").write_text("x")

    items, skipped = items_in([tmp_path])

    assert items == []
    assert [(entry.name, entry.reason) for entry in skipped] == [(".git", "hidden")]


def test_a_link_to_a_folder_above_does_not_loop(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "up").symlink_to(tmp_path)

    assert [item.key for item in items_in([tmp_path])[0]] == ["a.md"]


def test_two_files_that_would_be_one_document_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.md").write_text("x")

    with pytest.raises(InvalidRequest, match=r"the document same\.md"):
        items_in([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize("packed", [False, True])
def test_rows_become_documents_known_by_their_id(tmp_path: Path, packed: bool) -> None:
    lines = '{"id": "a#0", "title": "T", "text": "x"}\n\n{"id": 7, "text": "y"}\n'
    path = tmp_path / ("rows.jsonl.gz" if packed else "rows.jsonl")
    path.write_bytes(gzip.compress(lines.encode()) if packed else lines.encode())

    rows = list(rows_in([path]))

    assert [(row.id, row.filename) for row in rows] == [("a#0", "a#0.row.json"), ("7", "7.row.json")]


@pytest.mark.parametrize("line", ["no json", "[]", '{"id": "a"}', '{"text": "a"}', '{"id": "", "text": "a"}'])
def test_a_damaged_row_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"id": "a", "text": "x"}}\n{line}\n')

    with pytest.raises(InvalidRequest, match=r"rows\.jsonl, line 2"):
        list(rows_in([path]))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"id": "\xff"}'])
def test_rows_that_are_not_utf8_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)

    with pytest.raises(InvalidRequest, match="UTF-8"):
        list(rows_in([path]))


def test_a_file_that_only_claims_to_be_packed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_text("plain")

    with pytest.raises(InvalidRequest, match="cannot be read"):
        list(rows_in([path]))


@given(st.text(min_size=1), st.text(), st.text())
def test_a_row_keeps_its_words_and_its_file_name_is_harmless(row_id: str, title: str, text: str) -> None:
    row = Row(id=row_id, title=title, text=text)

    assert json.loads(row.content()) == {"id": row_id, "title": title, "text": text}
    assert not set(row.filename) & set('/\\"\n\r\0')


@pytest.mark.parametrize("escaped", ["\\u0000", "\\n", "\\ud800"])
def test_an_id_that_cannot_be_shown_is_refused(escaped: str) -> None:
    with pytest.raises(InvalidRequest, match="control characters"):
        read_row(f'{{"id": "a{escaped}", "text": "x"}}', "line 1")


def test_a_lone_surrogate_in_a_text_does_not_stop_its_row() -> None:
    row = read_row('{"id": "a", "text": "x\\ud800y"}', "line 1")

    assert json.loads(row.content())["text"] == "x?y"
