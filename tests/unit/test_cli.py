"""The command line against a small service with canned replies."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rag_service.cli import main
from tests.unit.canned_service import CITATION, CannedService, rag, running


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


def listed(file_id: str, key: str, content: bytes) -> dict[str, object]:
    """Return a document as the service lists it."""
    sha256 = hashlib.sha256(content).hexdigest()
    attributes = {"document_key": key}
    return {"id": file_id, "filename": key, "usage_bytes": len(content), "sha256": sha256, "attributes": attributes}


def test_an_answer_is_shown_with_its_citations(service: CannedService) -> None:
    result = rag(service, "ask", "What colour?", "--corpus", "handbook")

    assert result.exit_code == 0
    assert result.stdout == "It is blue. [2]\n\n[2] guide.pdf, page 3: “It is blue.”\n"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({"location": "Prices!A4:F4"}, "guide.pdf, Prices!A4:F4: "),
        ({"location": None}, "guide.pdf, page 3: "),
        ({"page": None}, "guide.pdf: "),
    ],
)
def test_a_citation_names_the_cells_of_a_table_instead_of_the_page(
    service: CannedService, monkeypatch: pytest.MonkeyPatch, place: dict[str, object], shown: str
) -> None:
    monkeypatch.setattr("tests.unit.canned_service.CITATION", CITATION | place)

    assert f"[2] {shown}" in rag(service, "ask", "What colour?", "--corpus", "handbook").stdout


@pytest.mark.parametrize(
    ("told", "noted"),
    [
        ({"degraded_reasons": ["embedding"]}, "looked for by words only"),
        ({"degraded_reasons": ["index", "new"]}, "a stand-in of the index"),
        ({"degraded_reasons": ["new"]}, "a part of the search did not answer"),
        ({"cached": True}, "written before for the same question"),
        ({"degraded_reasons": [], "cached": False}, ""),
    ],
)
def test_how_an_answer_came_about_is_noted_beside_it(
    service: CannedService, told: dict[str, object], noted: str
) -> None:
    service.told = told

    result = rag(service, "ask", "What colour?", "--corpus", "handbook")

    assert result.stdout.startswith("It is blue. [2]\n\n[2]") and "Note" not in result.stdout
    assert noted in result.stderr and ("Note: " in result.stderr) is bool(noted)


def test_what_a_search_did_without_is_noted_beside_it(service: CannedService) -> None:
    reply = {"data": [], "degraded_reasons": ["embedding"]}
    service.replies["POST", "/v1/vector_stores/handbook/search"] = [(200, reply)]

    result = rag(service, "search", "blue", "--corpus", "handbook")

    assert (result.stdout, "by words only" in result.stderr) == ("Nothing found.\n", True)


def test_a_corpus_is_listed_with_the_weight_that_it_learned(service: CannedService) -> None:
    learned = service.store("handbook") | {"dense_weight": 0.35}
    service.replies["GET", "/v1/vector_stores"] = [(200, {"data": [learned], "has_more": False})]

    assert "(version 3, 0 documents, meaning counts up to 35%, as learned)" in rag(service, "corpus", "list").stdout


def test_an_abstention_ends_with_code_3(service: CannedService) -> None:
    service.status = "abstained"

    assert rag(service, "ask", "What colour?", "--corpus", "handbook").exit_code == 3
    assert rag(service, "ask", "What colour?", "--corpus", "handbook", "--json").exit_code == 3


def test_an_answer_as_json_has_status_and_citations(service: CannedService) -> None:
    result = rag(service, "ask", "What colour?", "--corpus", "handbook", "--json")

    assert json.loads(result.stdout) == {"answer": "It is blue. [2]", "citations": [CITATION], "status": "answered"}


def test_a_stream_that_breaks_off_is_an_error(service: CannedService) -> None:
    service.replies["POST", "/v1/chat/completions"] = [(200, [{"error": {"message": "The model is gone."}}])]

    result = rag(service, "ask", "What colour?", "--corpus", "handbook")

    assert result.exit_code == 1
    assert "The model is gone." in result.stderr


def test_a_refusal_shows_the_message_and_a_hint_without_traceback(service: CannedService) -> None:
    service.replies["POST", "/v1/chat/completions"] = [(401, {"error": {"message": "Unknown key."}})]

    result = rag(service, "ask", "What colour?", "--corpus", "handbook")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Unknown key.\nGive a working key")


def test_an_error_is_json_when_json_is_asked_for(service: CannedService) -> None:
    service.replies["POST", "/v1/chat/completions"] = [(404, {"error": {"message": "No such corpus: x"}})]

    result = rag(service, "ask", "What colour?", "--corpus", "x", "--json")

    assert json.loads(result.stderr)["error"]["message"] == "No such corpus: x"


def test_a_service_that_is_not_there_is_said_to_be_so() -> None:
    result = CliRunner().invoke(main, ["corpus", "list", "--url", "http://127.0.0.1:1", "--key", "k"])

    assert result.exit_code == 1
    assert "No answer from http://127.0.0.1:1" in result.stderr


def test_a_busy_service_is_asked_again(service: CannedService) -> None:
    service.replies["GET", "/v1/vector_stores"] = [(429, {"error": {"message": "Too much."}})]

    assert rag(service, "corpus", "list").exit_code == 0


def test_search_shows_ranked_passages(service: CannedService) -> None:
    result = rag(service, "search", "blue", "--corpus", "handbook")

    assert result.stdout == "1. a.md  (0.500)\n   blue\n"


def test_search_is_exact_on_demand(service: CannedService) -> None:
    for options in ([], ["--exact"]):
        rag(service, "search", "blue", "--corpus", "handbook", *options)

    assert [body["exact"] for _, _, body in service.asked] == [False, True]


@pytest.mark.parametrize(
    ("condition", "comparison"),
    [
        ("topic=snow", {"type": "eq", "key": "topic", "value": "snow"}),
        ("year >= 2025", {"type": "gte", "key": "year", "value": 2025}),
        ("final!=true", {"type": "ne", "key": "final", "value": True}),
        ('version="2025"', {"type": "eq", "key": "version", "value": "2025"}),
        ("formula=a<b", {"type": "eq", "key": "formula", "value": "a<b"}),
        ("place=NaN", {"type": "eq", "key": "place", "value": "NaN"}),
        ("note=", {"type": "eq", "key": "note", "value": ""}),
    ],
)
def test_a_search_is_narrowed_by_conditions(service: CannedService, condition: str, comparison: object) -> None:
    rag(service, "search", "blue", "--corpus", "handbook", "--where", condition)

    assert service.asked[0][2]["filters"] == {"type": "and", "filters": [comparison]}


@pytest.mark.parametrize("condition", ["topic", "=snow", "!=x", ""])
def test_a_condition_without_key_or_sign_is_refused(service: CannedService, condition: str) -> None:
    result = rag(service, "search", "blue", "--corpus", "handbook", "--where", condition)

    assert result.exit_code == 2 and "is not like key=value" in result.stderr


def test_a_folder_is_uploaded_with_its_paths_as_keys(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("Hello")
    (tmp_path / "b.png").write_bytes(b"x")

    result = rag(service, "ingest", str(tmp_path), "--corpus", "handbook", "--principal", "team")

    assert result.exit_code == 0
    assert [(file["attributes"], file["principals"]) for file in service.added] == [
        ({"document_key": "sub/a.md"}, ["team"])
    ]
    assert "1 documents are published in handbook." in result.stdout
    assert "b.png: not a kind of file that is read" in result.stdout


def test_ingesting_creates_the_corpus_when_it_is_absent(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")

    rag(service, "ingest", str(tmp_path), "--corpus", "new")

    assert "new" in service.corpora


def test_every_row_of_a_jsonl_file_is_uploaded_once(service: CannedService, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    texts = ["x"] * 600 + ["y" * 2**20]
    rows.write_text("".join(json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts)))

    result = rag(service, "ingest", "--jsonl", str(rows), "--corpus", "handbook", "--json")

    assert sorted(int(file["attributes"]["document_key"]) for file in service.added) == list(range(601))
    assert json.loads(result.stdout)["uploaded"] == 601


def test_a_row_id_that_occurs_twice_is_refused_before_anything_is_uploaded(
    service: CannedService, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n')

    result = rag(service, "ingest", "--jsonl", str(rows), "--corpus", "handbook")

    assert result.exit_code == 1
    assert service.added == []


def test_a_document_that_fails_is_named_with_advice_and_code_4(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    error = {"message": "The file is damaged."}
    service.failed = [{**listed("file-1", "a.md", b"before"), "last_error": error}]

    result = rag(service, "ingest", str(tmp_path), "--corpus", "handbook")

    assert result.exit_code == 4
    assert "a.md: The file is damaged." in result.stdout


def test_files_whose_bytes_are_kept_are_named_not_sent(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    (tmp_path / "b.md").write_text("changed")
    service.files = [listed("file-a", "a.md", b"Hello"), listed("file-b", "b.md", b"Hello!!")]

    result = rag(service, "ingest", str(tmp_path), "--corpus", "handbook", "--principal", "team")

    assert "2 documents are published in handbook." in result.stdout
    assert [body for _, path, body in service.asked if path.endswith("/file_batches")] == [
        {"files": [{"file_id": "file-a", "attributes": {"document_key": "a.md"}}], "principals": ["team"]}
    ]
    assert [file["attributes"]["document_key"] for file in service.added] == ["b.md"]


def test_kept_files_are_sent_when_naming_them_is_refused(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    service.files = [listed("file-a", "a.md", b"Hello")]
    service.replies["POST", "/v1/vector_stores/handbook/file_batches"] = [(404, {"error": {"message": "No such file"}})]

    rag(service, "ingest", str(tmp_path), "--corpus", "handbook")

    assert [file["attributes"]["document_key"] for file in service.added] == ["a.md"]


def test_few_files_are_sent_without_a_look_at_a_large_corpus(service: CannedService, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello")
    service.files = [listed(f"file-{number}", f"{number}.md", b"") for number in range(100)]

    rag(service, "ingest", str(tmp_path), "--corpus", "handbook", "--no-wait")

    assert not [path for method, path, _ in service.asked if method == "GET" and path.split("?")[0].endswith("/files")]


def test_a_refused_file_does_not_stop_the_others(service: CannedService, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.md").write_text(name)
    service.replies["POST", "/v1/files"] = [(413, {"error": {"message": "The file is too large."}})]

    result = rag(service, "ingest", str(tmp_path), "--corpus", "handbook", "--json")

    assert result.exit_code == 4
    assert len(service.added) == 2
    assert [failure["message"] for failure in json.loads(result.stdout)["failures"]] == ["The file is too large."]


def test_nothing_to_upload_is_an_error(service: CannedService, tmp_path: Path) -> None:
    assert rag(service, "ingest", str(tmp_path), "--corpus", "handbook").exit_code == 1


def test_a_new_key_is_shown_once(service: CannedService) -> None:
    result = rag(service, "key", "create", "ann", "--permission", "chat", "--permission", "upload")

    assert result.stdout.startswith("s3cret\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("key", "list"), "key_1  active    ann  (chat)\n"),
        (("key", "revoke", "key_1"), "key_1 no longer works.\n"),
        (("key", "login-link"), "http://x/login?token=t\n"),
        (("corpus", "create", "new"), "new is there (vs_new).\n"),
        (("corpus", "list"), "vs_handbook  handbook  (version 3, 0 documents)\n"),
    ],
)
def test_a_command_prints_what_happened(service: CannedService, arguments: tuple[str, ...], expected: str) -> None:
    assert rag(service, *arguments).stdout == expected


def test_the_key_is_read_from_the_data_folder(
    service: CannedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "admin.key").write_text("from-file\n")
    monkeypatch.setenv("RAG_DATA_DIR", str(tmp_path))

    CliRunner().invoke(main, ["corpus", "list", "--url", service.url])

    assert service.keys_seen == {"Bearer from-file"}


def test_a_missing_key_file_is_explained(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["corpus", "list", "--key-file", str(tmp_path / "none"), "--url", "http://x"])

    assert result.exit_code == 1
    assert "No key:" in result.stderr


def test_a_misspelt_setting_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_PROT", "1")

    result = CliRunner().invoke(main, ["corpus", "list", "--key", "k"])

    assert result.exit_code == 1
    assert "Unknown setting RAG_PROT" in result.stderr


def test_help_loads_no_model_no_database_and_no_http() -> None:
    heavy = ("torch", "sentence_transformers", "sqlalchemy", "httpx", "pydantic", "rich")
    script = (
        "import sys\nfrom rag_service.cli import main\nmain(['--help'], standalone_mode=False)\n"
        f"loaded = [name for name in {heavy!r} if name in sys.modules]\nassert not loaded, loaded"
    )

    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603

    assert finished.returncode == 0, finished.stderr


def test_the_client_loads_no_model_and_no_database() -> None:
    heavy = ("torch", "sentence_transformers", "sqlalchemy", "llama_index")
    script = (
        "import sys\nimport rag_service.client, rag_service.cli.loading, rag_service.settings\n"
        f"loaded = [name for name in {heavy!r} if name in sys.modules]\nassert not loaded, loaded"
    )

    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603

    assert finished.returncode == 0, finished.stderr
