"""Files that cannot be read fail with a reason that people understand, and disturb nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag_service.reasons import ADVICE, ReasonCode
from tests.faults import bad_files
from tests.faults.uploading import new_corpus, settled, text_of, upload
from tests.running import RunningService

GOOD = "The car park of the museum closes at ten in the evening."

BAD: dict[str, tuple[bytes, ReasonCode]] = {
    "empty.txt": (b"", ReasonCode.EMPTY_FILE),
    "blank.txt": (b" \n\t\r\n\xc2\xa0\xe2\x80\x8b  ", ReasonCode.NO_TEXT),
    "blank.md": (b"\n\n   \n", ReasonCode.NO_TEXT),
    "scan.pdf": (bad_files.pdf(), ReasonCode.NO_TEXT),
    "locked.pdf": (bad_files.pdf(bad_files.SECRET, password="hunter2"), ReasonCode.NEEDS_PASSWORD),
    "damaged.pdf": (bad_files.pdf("text")[:300], ReasonCode.DAMAGED),
    "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 20, ReasonCode.DAMAGED),
    "cut.docx": (bad_files.word("text")[:2000], ReasonCode.DAMAGED),
    "pdf.md": (bad_files.pdf("text"), ReasonCode.TYPE_MISMATCH),
    "picture.pdf": (bad_files.PNG, ReasonCode.TYPE_MISMATCH),
    "program.txt": (bad_files.EXECUTABLE, ReasonCode.TYPE_MISMATCH),
    "part.docx": (bad_files.with_members(bad_files.word("x"), {"word/document.xml": "<page/>"}), ReasonCode.DAMAGED),
    "deep.docx": (bad_files.deep_word(), ReasonCode.DAMAGED),
    "blank.docx": (bad_files.word(" ", "\u200b"), ReasonCode.NO_TEXT),
    "locked.docx": (bad_files.locked_word(), ReasonCode.NEEDS_PASSWORD),
    "macro.docx": (bad_files.macro(), ReasonCode.UNSUPPORTED_TYPE),
    "macro.docm": (bad_files.macro(), ReasonCode.UNSUPPORTED_TYPE),
    "archives.docx": (bad_files.zipped({"a.zip": bad_files.zipped({"b": b"c"})}), ReasonCode.TYPE_MISMATCH),
    "archives.zip": (bad_files.zipped({"a.zip": bad_files.zipped({"b": b"c"})}), ReasonCode.NO_TEXT),
    "bomb.zip": (bad_files.zipped({"big.txt": bytes(64 * 2**20)}), ReasonCode.ARCHIVE_BOMB),
    "crowd.zip": (bad_files.zipped({f"{n}.txt": b"x" for n in range(1001)}), ReasonCode.ARCHIVE_BOMB),
    "climbing.zip": (bad_files.zipped({"../../up.xml": b"x"}), ReasonCode.DAMAGED),
    "link.zip": (bad_files.with_members(bad_files.zipped({}), {"a.txt": "x"}, link="b.txt"), ReasonCode.DAMAGED),
    "cut.zip": (bad_files.zipped({"a.txt": b"words"})[:60], ReasonCode.DAMAGED),
    "laughs.epub": (bad_files.laughing_book(), ReasonCode.ARCHIVE_BOMB),
    "locked.epub": (bad_files.locked_book(), ReasonCode.NEEDS_PASSWORD),
    "crowd.eml": (bad_files.crowded_mail(), ReasonCode.ARCHIVE_BOMB),
    "deep.eml": (bad_files.deep_mail(), ReasonCode.ARCHIVE_BOMB),
    "words.eml": (b"no mail at all", ReasonCode.DAMAGED),
    "words.msg": (b"no mail at all", ReasonCode.DAMAGED),
    "deep.json": (b"[" * 10**6, ReasonCode.DAMAGED),
    "laughs.xml": (bad_files.laughing_xml(), ReasonCode.ARCHIVE_BOMB),
    "peeping.xml": (bad_files.peeping_xml(), ReasonCode.ARCHIVE_BOMB),
    "deep.xml": (bad_files.deep_xml(), ReasonCode.DAMAGED),
    "cut.xml": (b"<?xml version='1.0'?><a><p>half", ReasonCode.DAMAGED),
    "page.csv": (b"<!DOCTYPE html><p>404", ReasonCode.TYPE_MISMATCH),
    "old.doc": (bad_files.OLD_OFFICE, ReasonCode.UNSUPPORTED_TYPE),
    "bomb.docx": (bad_files.bomb(), ReasonCode.ARCHIVE_BOMB),
    "laughs.docx": (bad_files.laughing(), ReasonCode.ARCHIVE_BOMB),
    "peeping.docx": (bad_files.peeping(), ReasonCode.ARCHIVE_BOMB),
    "climbing.docx": (bad_files.with_members(bad_files.word("x"), {"../../up.xml": "x"}), ReasonCode.DAMAGED),
    "absolute.docx": (bad_files.with_members(bad_files.word("x"), {"/tmp/rag-up.xml": "x"}), ReasonCode.DAMAGED),  # noqa: S108
    "link.docx": (bad_files.with_members(bad_files.word("x"), {}, link="word/link"), ReasonCode.DAMAGED),
    "broken.row.json": (b'{"text": ', ReasonCode.DAMAGED),
}

ODD: dict[str, tuple[bytes, str]] = {
    "wide.txt": ("Opening hours: nine to five, straße.".encode("utf-16-le"), "Opening hours: nine to five, straße."),
    "broken.txt": (b"Caf\xc3\xa9 is open. " * 20 + b"Broken \xff byte.", "Broken \ufffd byte."),
    "zeros.txt": (b"The lift\x00 is out of order." * 9, "The lift is out of order."),
    "surrogate.row.json": (b'{"title": "Row", "text": "half \\ud83d of a pair"}', "half \ufffd of a pair"),
    "bidi.txt": ("Pay \u202eyas\u202c to Bo\u200bb\u2066.".encode(), "Pay yas to Bob."),
    "decomposed.txt": ("Cafe\u0301".encode(), "Caf\u00e9"),
    "embedded.docx": (bad_files.nested(), "The embedded table is for accounting."),
    "polyglot.pdf": (bad_files.pdf("A page.") + bad_files.zipped({"a.txt": b"words"}), "A page."),
    "mixed.zip": (
        bad_files.zipped({"a.md": b"# Lift\n\nOut of order.", "b.exe": bad_files.EXECUTABLE}),
        "Out of order.",
    ),
    "forwarded.eml": (b"Subject: Lift\nFrom: a@b.example\n\nIt is out of order.", "Lift"),
    "wide.jsonl": ('{"a": "größe"}\n{"a": "maß"}\n'.encode("utf-16"), "a\ngröße\nmaß"),
    "mixed.xml": (b"<a><p>The <b>lift</b> is out of order.</p></a>", "The lift is out of order."),
    "hours.org": (b"* Hours\n\nNine to five.", "Nine to five."),
    "peeping.rst": (b"Words.\n\n.. include:: /etc/passwd\n", "Words."),
    "longest-word.txt": (b"w" * 2**20, "w" * 2**20),
    "emoji.md": ("The 👩‍🚀 badge 🏳️‍🌈 is for 👨‍👩‍👧‍👦.".encode(), "👩‍🚀 badge 🏳️‍🌈 is for 👨‍👩‍👧‍👦."),
}


@dataclass(frozen=True)
class Outcome:
    """What became of all the files, uploaded together into one corpus."""

    corpus: str
    ids: dict[str, str]
    files: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def client(service: RunningService):
    with service.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def outcome(client: httpx.Client) -> Outcome:
    corpus = new_corpus(client, "bad-uploads")
    contents = {
        "before.txt": GOOD.encode(),
        **{name: content for name, (content, _) in (BAD | ODD).items()},
        "after.pdf": bad_files.pdf(GOOD),
    }
    ids = {name: upload(client, corpus, name, content) for name, content in contents.items()}
    return Outcome(corpus, ids, settled(client, corpus, ids))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_fails_with_its_reason_and_advice(outcome: Outcome, name: str) -> None:
    file, reason = outcome.files[name], BAD[name][1]

    assert file["status"] == "failed"
    assert (file["last_error"]["reason"], file["last_error"]["message"]) == (reason, ADVICE[reason])


@pytest.mark.parametrize("name", ["before.txt", "after.pdf"])
def test_good_files_beside_bad_ones_are_completed(client: httpx.Client, outcome: Outcome, name: str) -> None:
    assert outcome.files[name]["status"] == "completed"
    assert text_of(client, outcome.corpus, outcome.ids[name]) == GOOD


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_are_read_and_kept_clean(client: httpx.Client, outcome: Outcome, name: str) -> None:
    assert outcome.files[name]["status"] == "completed"
    assert ODD[name][1] in text_of(client, outcome.corpus, outcome.ids[name])


def test_a_file_that_cannot_be_read_is_not_tried_again(outcome: Outcome, service: RunningService) -> None:
    failures = [line for line in _log_lines(service) if "job_failed" in line]

    for name in BAD:
        document_id = outcome.files[name]["document_id"]
        assert len([line for line in failures if document_id in line]) == 1, name


def test_nothing_is_written_outside_the_jail(outcome: Outcome, service: RunningService) -> None:
    assert outcome.files["absolute.docx"]["status"] == "failed"
    assert not Path("/tmp/rag-up.xml").exists()  # noqa: S108  (the name in the archive)
    assert list(service.data_dir.parent.rglob("up.xml")) == []


def test_the_log_holds_no_text_and_no_names_of_files(outcome: Outcome, service: RunningService) -> None:
    log = "\n".join(_log_lines(service))

    assert not [told for told in (bad_files.SECRET, "hunter2", GOOD, *outcome.ids) if told in log]


def _log_lines(service: RunningService) -> list[str]:
    logs = sorted((service.data_dir / "logs").iterdir())
    return [line for log in logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
