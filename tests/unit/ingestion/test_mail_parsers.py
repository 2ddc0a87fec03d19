"""Mails, of the internet's and of Outlook's format."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.documents import BlockKind
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.outlook_files import msg
from tests.unit.ingestion.parsing_values import headings, kinds, outcome, read, refusal, zipped

REASONS = (None, *ReasonCode)
LONG = "The museum is open from nine to five, and on Thursdays until eight in the evening. " * 6


def mail(plain: str = "", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    message["Subject"] = "Opening hours"
    message.set_content(plain)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_a_mail_is_its_subject_its_head_and_its_body() -> None:
    document = read(mail("Hello.\n\n> When?\n\nAt nine.").as_bytes(), "a.eml")

    assert document.title == "Opening hours"
    assert kinds(document) == [
        (BlockKind.HEADING, "Opening hours"),
        (
            BlockKind.PARAGRAPH,
            "From: Ann <ann@example.com>\nTo: bob@example.com\nDate: Mon, 05 Jan 2026 10:00:00 +0100",
        ),
        (BlockKind.PARAGRAPH, "Hello."),
        (BlockKind.PARAGRAPH, "> When?"),
        (BlockKind.PARAGRAPH, "At nine."),
    ]


def test_plain_text_is_preferred_to_html_that_says_the_same() -> None:
    text = read(mail("Plain words.", "<p>Plain <b>words</b>.</p>").as_bytes(), "a.eml").text

    assert text.endswith("Plain words.")
    assert text.count("words") == 1


@pytest.mark.parametrize("stub", ["", "See https://example.com/view?id=" + "7" * 300])
def test_html_is_read_when_the_plain_text_is_a_stub(stub: str) -> None:
    document = read(mail(stub, f"<h1>Hours</h1><p>{LONG}</p>").as_bytes(), "a.eml")

    assert LONG.strip() in document.text
    assert headings(document) == [(1, "Opening hours"), (2, "Hours")]


def test_attachments_are_sections_and_what_cannot_be_read_is_named() -> None:
    message = mail("See below.")
    message.add_attachment(b"# Prices\n\nTen euros.", maintype="text", subtype="markdown", filename="prices.md")
    message.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="map.png")

    document = read(message.as_bytes(), "a.eml")

    assert headings(document) == [(1, "Opening hours"), (2, "prices.md"), (3, "Prices")]
    assert document.text.endswith("Ten euros.")
    assert [warning.partition(":")[0] for warning in document.warnings] == ["map.png was not read"]


def test_a_forwarded_mail_is_a_section_and_its_attachments_are_named_only() -> None:
    inner, outer = mail("Inner words."), mail("Outer words.")
    inner.add_attachment(b"deep", maintype="text", subtype="plain", filename="deep.txt")
    inner.replace_header("Subject", "Before")
    outer.add_attachment(inner)

    document = read(outer.as_bytes(), "a.eml")

    assert headings(document) == [(1, "Opening hours"), (2, "Before")]
    assert "Inner words." in document.text
    assert "deep.txt was not read" in document.warnings[0]


def test_pictures_that_the_html_shows_are_not_missed() -> None:
    message = mail("Hello there.", "<p>Hello <img src='cid:logo'></p>")
    message.get_payload()[1].add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>")

    assert read(message.as_bytes(), "a.eml").warnings == ()


def test_a_name_of_an_attachment_is_no_path() -> None:
    message = mail("Hello.")
    message.add_attachment(b"words", maintype="text", subtype="plain", filename="../../etc/notes.txt")

    assert headings(read(message.as_bytes(), "a.eml"))[-1] == (2, "notes.txt")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_a_mail_saved_in_another_encoding_is_read(encoding: str) -> None:
    content = mail("Grüße aus Köln.").as_string().encode(encoding)

    assert "Opening hours" in read(content, "a.eml").text


def test_headers_in_raw_utf8_are_read() -> None:
    document = read("Subject: Grüße\nFrom: Jörg <j@example.com>\n\nHallo.", "a.eml")

    assert document.text == "Grüße\n\nFrom: Jörg <j@example.com>\n\nHallo."


def test_an_encrypted_mail_needs_a_password() -> None:
    message = "From: a@b\nContent-Type: multipart/encrypted; boundary=x\n\n--x\n\nsealed\n--x--\n"

    assert refusal(message, "a.eml") is ReasonCode.NEEDS_PASSWORD
    assert refusal(msg("Hi", "x", kind="IPM.Note.SMIME"), "a.msg") is ReasonCode.NEEDS_PASSWORD


def test_text_without_headers_is_no_mail() -> None:
    assert refusal("no headers here\nat all", "a.eml") is ReasonCode.DAMAGED


def test_a_mail_with_ten_thousand_attachments_is_refused() -> None:
    part = '--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\nhi\n'
    message = "From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n" + part * 10_000 + "--x--\n"

    assert refusal(message, "a.eml") is ReasonCode.ARCHIVE_BOMB


@pytest.mark.parametrize("depth", [200, 5000])
def test_parts_inside_parts_without_end_are_refused(depth: int) -> None:
    levels = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(depth))

    assert refusal(f"From: a@b\n{levels}\ntext", "a.eml") is ReasonCode.ARCHIVE_BOMB


def test_an_archive_in_a_mail_is_named_and_not_opened() -> None:
    message = mail("Hello.")
    message.add_attachment(zipped({"a.txt": "x"}), maintype="application", subtype="zip", filename="a.zip")

    assert "a.zip was not read" in read(message.as_bytes(), "a.eml").warnings[0]


def test_a_mail_of_outlook_is_read_with_its_attachments() -> None:
    document = read(msg("Hours", "Hello.\r\n\r\nAt nine.", {"list.csv": b"day,hour\nMonday,9\n"}), "a.msg")

    assert document.title == "Hours"
    assert headings(document) == [(1, "Hours"), (2, "list.csv")]
    assert kinds(document)[-1] == (BlockKind.TABLE, "day | hour\nMonday | 9")


@given(st.integers(0, 3000), st.binary(max_size=40))
def test_a_damaged_mail_of_outlook_is_read_or_refused(place: int, noise: bytes) -> None:
    content = msg("Hours", "Hello.", {"a.txt": b"words"})

    assert outcome(content[:place] + noise + content[place + len(noise) :], "a.msg") in REASONS


HEADERS = st.sampled_from(["Content-Type", "Content-Disposition", "To", "Subject", "Date", "Content-Transfer-Encoding"])
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["multipart/mixed; boundary=x", "text/html; charset=undefined", "message/rfc822", "base64",
                     "multipart/alternative", 'attachment; filename*=x""%ff', "=?utf-8?q?=ff?=", "a:b;,<@>,;(("]),
)  # fmt: skip


@given(st.lists(st.tuples(HEADERS, VALUES), min_size=1, max_size=5), st.binary(max_size=80))
def test_malformed_headers_do_not_stop_the_reader(lines: list[tuple[str, str]], body: bytes) -> None:
    head = "\n".join(f"{name}: {value}" for name, value in lines).encode("utf-8", errors="replace")

    assert outcome(head + b"\n\n--x\n\nHello\n" + body, "a.eml") in REASONS


def test_an_empty_line_above_the_head_is_no_end_of_it() -> None:
    assert read(b"\r\n" + mail("Hello.").as_bytes(), "a.eml").title == "Opening hours"


@pytest.mark.parametrize("header", ["Content-Type: text/plain", "Content-Disposition: attachment", "MIME-Version: 1.0"])
@pytest.mark.parametrize("parameter", [";", "a=b;", "a*0=b;", "name*=utf-8''a;", ';"', "("])
def test_headers_of_endless_parameters_are_read_no_further_than_is_worth_it(header: str, parameter: str) -> None:
    content = f"Subject: Hours\n{header};{parameter * (200_000 // len(parameter))}\n\nWords."

    assert "Words." in read(content, "a.eml").text


def test_a_list_of_hundreds_of_addresses_is_read_in_full() -> None:
    addresses = ", ".join(f"Person {number} <person{number}@example.com>" for number in range(1000))

    assert addresses in read(f"To: {addresses}\nSubject: Hours\n\nWords.", "a.eml").text


def test_a_mail_of_parts_that_say_nothing_of_their_kind_is_refused() -> None:
    content = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 100_000

    assert refusal(content, "a.eml") is ReasonCode.ARCHIVE_BOMB


def test_lines_inside_hundreds_of_multiparts_are_refused() -> None:
    heads = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(400))

    assert refusal(heads + "x\n" * 300_000, "a.eml") is ReasonCode.ARCHIVE_BOMB
