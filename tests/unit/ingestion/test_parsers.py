"""Each format to canonical text."""

import io
import json
import zipfile

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

LIMITS = ParsingLimits(max_text_chars=100_000, max_pages=3)


def read(content: bytes | str, filename: str) -> ParsedDocument:
    raw = content.encode() if isinstance(content, str) else content
    return read_document(io.BytesIO(raw), filename, LIMITS)


def reason_of(content: bytes, filename: str) -> ReasonCode:
    with pytest.raises(DocumentRejected) as caught:
        read(content, filename)
    return caught.value.reason


def kinds(document: ParsedDocument) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.span.of(document.text)) for block in document.blocks]


def pdf(pages: list[list[tuple[str, str]]], **options: object) -> bytes:
    buffer, styles, story = io.BytesIO(), getSampleStyleSheet(), []
    for page in pages:
        story += [Paragraph(text, styles[style]) for style, text in page] + [PageBreak()]
    SimpleDocTemplate(buffer, **options).build(story)
    return buffer.getvalue()


def test_markdown_keeps_headings_lists_code_and_tables_readable() -> None:
    text = "# Guide\n\nSome **bold** [link](http://x).\n\n1. one\n2. two\n   - in\n\n```py\nif x:\n    y\n```\n\n|a|b|\n|-|-|\n|1|2|\n"

    assert kinds(read(text, "a.md")) == [
        (BlockKind.HEADING, "Guide"),
        (BlockKind.PARAGRAPH, "Some bold link."),
        (BlockKind.LIST_ITEM, "1. one"),
        (BlockKind.LIST_ITEM, "2. two"),
        (BlockKind.LIST_ITEM, "- in"),
        (BlockKind.CODE, "if x:\n    y"),
        (BlockKind.TABLE, "a | b\n1 | 2"),
    ]


def test_markdown_front_matter_gives_the_title_and_is_not_text() -> None:
    document = read("---\ntitle: 'My page'\ntags: x\n---\nHello.\n", "a.md")

    assert (document.title, document.text) == ("My page", "Hello.")


def test_markdown_with_scripts_in_it_keeps_their_text_out() -> None:
    assert read("Hello.\n\n<script>evil()</script>\n\n<p>Bye.</p>\n", "a.md").text == "Hello.\n\nBye."


def test_html_leaves_navigation_out_when_the_page_has_a_main_part() -> None:
    page = "<title>T</title><body><nav>menu</nav><main><h1>Head</h1><p>One <b>two</b>.<aside>ad</aside></main><footer>end</footer>"

    document = read(page, "a.html")

    assert (document.title, document.text) == ("T", "Head\n\nOne two.")


def test_html_hides_what_browsers_hide() -> None:
    page = "<p>seen<span style='display: none'>hidden</span></p><script>x</script><p hidden>gone</p><img alt='a cat'>"

    assert read(page, "a.html").text == "seen\n\na cat"


def test_html_tables_and_lists_stay_readable() -> None:
    page = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><ol><li>x</li><li>y</li></ol>"

    assert kinds(read(page, "a.html")) == [
        (BlockKind.TABLE, "a | b\n1 | 2"),
        (BlockKind.LIST_ITEM, "1. x"),
        (BlockKind.LIST_ITEM, "2. y"),
    ]


def test_html_nested_very_deeply_is_read() -> None:
    assert read("<div>" * 20_000 + "deep", "a.html").text == "deep"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_is_the_same_in_every_unicode_encoding(encoding: str) -> None:
    text = "Grüße aus der Stadt, in der alles ganz einfach ist.\n\nZweiter Absatz."

    assert read(text.encode(encoding), "a.txt").text == text


def test_older_encodings_are_detected_with_a_warning() -> None:
    document = read(("Это обычный русский текст о погоде и природе. " * 20).encode("cp1251"), "a.txt")

    assert "русский" in document.text
    assert document.warnings


def test_broken_utf8_is_replaced_with_a_warning_every_time_alike() -> None:
    content = "Ein Satz über Grüße, mehr Wörter und schöne Häuser. ".encode() * 5 + b"bro\xffken"

    document = read(content, "a.txt")

    assert document.text.endswith("bro\ufffdken")
    assert document.warnings
    assert read(content, "a.txt") == document


def test_zero_bytes_in_a_text_are_dropped() -> None:
    assert read(b"some text with a \x00zero and more words", "a.txt").text == "some text with a zero and more words"


def test_a_row_is_its_title_as_a_heading_and_its_text() -> None:
    document = read(json.dumps({"id": "7", "title": "Title", "text": "First.\n\nSecond. \ud800"}), "7.row.json")

    assert document.title == "Title"
    assert document.text == "Title\n\nFirst.\n\nSecond. \ufffd"


def test_a_row_that_is_no_object_is_damaged() -> None:
    assert reason_of(b"[1]", "7.row.json") is ReasonCode.DAMAGED
    assert reason_of(b"{nonsense", "7.row.json") is ReasonCode.DAMAGED


def test_pdf_blocks_know_their_page_and_place() -> None:
    content = pdf(
        [[("Heading1", "Install"), ("BodyText", "First page. " * 20)], [("BodyText", "Second page. " * 20)]],
        title="Manual",
    )

    document = read(content, "a.pdf")

    assert (document.title, document.page_count) == ("Manual", 2)
    assert [(block.kind, block.page) for block in document.blocks] == [
        (BlockKind.HEADING, 1),
        (BlockKind.PARAGRAPH, 1),
        (BlockKind.PARAGRAPH, 2),
    ]
    assert all(is_inside_a4(block) for block in document.blocks)


def is_inside_a4(block: Block) -> bool:
    left, top, right, bottom = block.bbox or (0, 0, 0, 0)
    return 0 < left < right < 600 and 0 < top < bottom < 850


def test_pdf_words_broken_at_a_line_end_are_whole_again() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 700, "The whole build was docu-")
    canvas.drawString(72, 688, "mented with care and love.")
    canvas.save()

    assert read(buffer.getvalue(), "a.pdf").text == "The whole build was documented with care and love."


def test_pdf_without_a_text_layer_has_no_text() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.rect(10, 10, 100, 100)
    canvas.save()

    assert reason_of(buffer.getvalue(), "a.pdf") is ReasonCode.NO_TEXT


def test_pdf_with_a_password_says_so() -> None:
    content = pdf([[("BodyText", "secret")]], encrypt=StandardEncryption("user", "owner"))

    assert reason_of(content, "a.pdf") is ReasonCode.NEEDS_PASSWORD


def test_pdf_cut_off_is_damaged() -> None:
    assert reason_of(pdf([[("BodyText", "text")]])[:200], "a.pdf") is ReasonCode.DAMAGED


def test_pdf_with_too_many_pages_is_refused() -> None:
    assert reason_of(pdf([[("BodyText", "text")]] * 4), "a.pdf") is ReasonCode.TOO_MANY_PAGES


def bomb(name: str = "word/big.xml", size: int = 20 * 2**20) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w/>")
        archive.writestr(name, b"\x00" * size)
    return buffer.getvalue()


def test_docx_that_unpacks_to_far_more_than_its_size_is_a_bomb() -> None:
    assert reason_of(bomb(), "a.docx") is ReasonCode.ARCHIVE_BOMB


def test_docx_with_names_that_lead_outside_is_damaged() -> None:
    assert reason_of(bomb("../../etc/passwd", 10), "a.docx") is ReasonCode.DAMAGED


def test_docx_with_too_many_entries_is_a_bomb() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
        for number in range(1001):
            archive.writestr(f"word/{number}", "")

    assert reason_of(buffer.getvalue(), "a.docx") is ReasonCode.ARCHIVE_BOMB


def test_docx_that_declares_xml_entities_is_a_bomb() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", '<!DOCTYPE x [<!ENTITY a "b">]><w>&a;</w>')

    assert reason_of(buffer.getvalue(), "a.docx") is ReasonCode.ARCHIVE_BOMB


def test_text_that_cannot_but_be_too_long_is_refused_before_it_is_read() -> None:
    assert reason_of(b"\n" * (4 * LIMITS.max_text_chars + 1), "a.txt") is ReasonCode.TOO_LARGE


def test_markdown_anchors_and_fences_of_blocks_are_no_text() -> None:
    document = read("# Use it { #use-it }\n\n/// note | Careful\n\nIt is hot.\n\n///\n", "a.md")

    assert (document.text, document.title) == ("Use it\n\nCareful\n\nIt is hot.", "Use it")


def test_html_lists_beside_the_heading_are_left_out() -> None:
    page = "<main><header><h1>Duck</h1><ul><li>Deutsch</ul></header><ul><li>mallard</ul><p>Ducks swim.</main>"

    assert read(page, "a.html").text == "Duck\n- mallard\n\nDucks swim."


def test_html_code_loses_the_indentation_of_the_page() -> None:
    assert read("<p>Run:</p><pre>\n    if x:\n        y()\n</pre>", "a.html").text == "Run:\n\nif x:\n    y()"


def table(rows: str, filename: str = "a.html") -> str:
    return read(f"<p>Words</p><table>{rows}</table>", filename).text.removeprefix("Words\n\n")


def test_html_cells_say_what_is_seen_of_them() -> None:
    cells = "<tr><td>H<sub>2</sub>O<br>and <b>f</b>oo<p>bar</p><td><style>.a{}</style><script>x()</script>seen"
    cells += "<td><img src=a.png alt='a cat'><i hidden>not seen</i>"

    assert table(cells) == "H2O and foo bar | seen | a cat"


def test_html_cells_over_several_rows_are_beside_each_and_columns_stay_in_line() -> None:
    rows = "<tr><th>Town<th>Year<th colspan=2>Sold<tr><td rowspan=2>Ulm<td>1<td rowspan=2 colspan=2>x<tr><td>2<tr><td>A<td>B<td>C<td>D"

    assert table(rows) == "Town | Year | Sold\nUlm | 1 | x\nUlm | 2\nA | B | C | D"


def test_html_cells_that_tell_a_story_are_read_once() -> None:
    assert table(f"<tr><td rowspan=3>{'story ' * 50}<td>1<tr><td>2<tr><td>3").count("story") == 50


def test_html_cells_that_claim_to_span_all_are_no_bomb() -> None:
    rows = f"<tr><td colspan=999999999 rowspan=60000>y<td rowspan=60000>{'x' * 200}" * 2 + "<tr><td>y" * 50_000

    assert reason_of(f"<table>{rows}</table>".encode(), "a.html") is ReasonCode.TOO_LARGE


def test_html_lists_count_as_the_page_says() -> None:
    assert read("<ol start=3><li>x<li value=7>y<li>z</ol>", "a.html").text == "3. x\n7. y\n8. z"


@pytest.mark.parametrize(
    "tags", ["<div>x", "<main><ul>x", "<ul><li>x", "<table><tr><td>x", "<pre>x\n", "<header>x", "<figure><img alt=x>"]
)
def test_html_nested_without_end_is_read(tags: str) -> None:
    page = tags * (500_000 // len(tags))

    document = read_document(io.BytesIO(page.encode()), "a.html", ParsingLimits())

    assert document.text.count("x") >= page.count("x") - 1


def test_html_with_thousands_of_pictures_under_no_caption_is_read() -> None:
    page = "<figure>" + "<img alt='cat'>" * 30_000 + "</figure>"

    assert read_document(io.BytesIO(page.encode()), "a.html", ParsingLimits()).text.count("cat") == 30_000


def test_xhtml_in_the_encoding_that_its_first_line_names() -> None:
    page = '<?xml version="1.0" encoding="iso-8859-2"?><html><body><p>Žluťoučký kůň</p></body></html>'

    assert read(page.encode("iso-8859-2"), "a.xhtml").text == "Žluťoučký kůň"


def test_markdown_rows_are_one_line_each_whatever_parts_their_words() -> None:
    assert read("| a\u2028b | c |\n|---|---|\n| d\x85e | f |\n", "a.md").text == "a b | c\nd e | f"
