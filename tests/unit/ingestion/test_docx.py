"""Word files: their blocks, in the order in which people read them."""

import contextlib
import io
import zipfile

import pytest

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.docx import parse_docx
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import LIMITS, blocks, broken, reason, word_file

HEADING, PARAGRAPH, ITEM, TABLE = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.TABLE
BREAK = "<w:lastRenderedPageBreak/>"


def word(body: str, limits: ParsingLimits = LIMITS, **parts: str) -> ParsedDocument:
    return parse_docx(io.BytesIO(word_file(body, **parts)), limits)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(text: str, *, style: str = "", more: str = "") -> str:
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{more}</w:pPr>{run(text)}</w:p>"


def style(style_id: str, name: str, *, based_on: str = "", more: str = "") -> str:
    return f'<w:style w:styleId="{style_id}"><w:name w:val="{name}"/><w:basedOn w:val="{based_on}"/>{more}</w:style>'


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblGrid/>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def texts(document: ParsedDocument) -> list[str]:
    return [text for _, text in blocks(document)]


def test_headings_are_known_by_outline_level_by_english_name_and_by_what_they_are_based_on() -> None:
    outline = '<w:pPr><w:outlineLvl w:val="2"/></w:pPr>'
    styles = (
        style("berschrift1", "heading 1")
        + style("Klausel", "Klausel", based_on="berschrift1")
        + style("Absatz", "Absatz", more=outline)
        + style("Text", "Text", based_on="Klausel", more='<w:pPr><w:outlineLvl w:val="9"/></w:pPr>')
        + style("Loop", "Loop", based_on="Loop")
    )
    body = "".join(
        p(name, style=name) for name in ("berschrift1", "Klausel", "Absatz", "Text", "Loop", "Title", "Heading2")
    )

    found = word(body, styles=styles)

    assert [(block.level, block.span.of(found.text)) for block in found.blocks] == [
        (1, "berschrift1"), (1, "Klausel"), (3, "Absatz"), (None, "Text"), (None, "Loop"), (1, "Title"), (2, "Heading2"),
    ]  # fmt: skip


def test_a_paragraph_may_have_an_outline_level_of_its_own() -> None:
    styles = style("H", "heading 1")
    body = p("Part", more='<w:outlineLvl w:val="8"/>') + p("No part", style="H", more='<w:outlineLvl w:val="9"/>')

    assert blocks(word(body, styles=styles)) == [(HEADING, "Part"), (PARAGRAPH, "No part")]


def test_tables_keep_their_columns_and_repeat_what_is_merged_over_rows() -> None:
    late = '<w:trPr><w:gridBefore w:val="1"/></w:trPr>'
    body = table(
        cell("Region", '<w:vMerge w:val="restart"/>') + cell("Sales", '<w:gridSpan w:val="2"/>'),
        cell("", "<w:vMerge/>") + cell("2024") + cell("2025"),
        late + cell("late") + cell("row"),
    )

    found = word(body)

    assert blocks(found) == [(TABLE, "Region | Sales |\nRegion | 2024 | 2025\n | late | row")]
    assert [(rows.table, rows.row) for rows in found.blocks[0].table_rows] == [("table 1", 1)]


def test_a_cell_that_claims_to_span_thousands_of_columns_spans_a_hundred() -> None:
    wide = cell("a", '<w:gridSpan w:val="999999999"/>')

    assert word(table(wide * 2 + cell("b"), cell("c"))).text.count("|") == 101


def test_paragraphs_lists_and_tables_inside_a_cell_stay_in_its_line() -> None:
    inner = table(cell("1") + cell("2"), cell("3") + cell("4"))

    assert (
        word(table(f"<w:tc>{p('one')}{p('two')}{inner}</w:tc>" + cell("b"), cell("c"))).text == "one two 1 2 3 4 | b\nc"
    )


def test_rows_and_cells_in_content_controls_are_read_and_deleted_ones_are_not() -> None:
    def control(content: str) -> str:
        return f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"

    kept = f"<w:tr>{control(cell('a'))}{cell('gone', '<w:cellDel/>')}{cell('b')}</w:tr>"
    gone = f"<w:tr><w:trPr><w:del/></w:trPr>{cell('gone')}{cell('too')}</w:tr>"

    assert texts(word(control(f"<w:tbl>{control(kept)}{gone}</w:tbl>"))) == ["a | b"]


def test_a_table_of_one_cell_is_a_frame_round_text() -> None:
    body = table(f"<w:tc>{p('Note', style='Heading1')}{p('Text.')}</w:tc>")

    assert blocks(word(body)) == [(HEADING, "Note"), (PARAGRAPH, "Text.")]


def test_text_boxes_are_read_once_and_behind_the_paragraph_that_holds_them() -> None:
    box = f"<w:txbxContent>{p('Boxed', style='Heading2')}{p('words')}</w:txbxContent>"
    both = f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    old = f"<w:pict><v:shape><v:textbox>{box.replace('Boxed', 'Old')}</v:textbox></v:shape></w:pict>"

    found = word(f"<w:p><w:r>{both}</w:r>{run('Text')}<w:r>{old}</w:r></w:p>")

    assert texts(found) == ["Text", "Boxed", "words", "Old", "words"]
    assert found.blocks[1].level == 2


def test_a_text_box_that_only_old_programs_show_is_read() -> None:
    box = f"<w:txbxContent>{p('Boxed')}</w:txbxContent>"

    assert texts(
        word(f"<w:p><mc:AlternateContent><mc:Choice/><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:p>")
    ) == ["Boxed"]


def test_notes_follow_the_paragraph_that_refers_to_them() -> None:
    notes = f'<w:footnote w:id="7"><w:p><w:r><w:footnoteRef/></w:r>{run("Small print.")}</w:p></w:footnote>'
    ends = f'<w:endnote w:id="2">{p("At the end.")}</w:endnote>'
    refers = '<w:r><w:footnoteReference w:id="7"/></w:r>'
    marked = '<w:r><w:footnoteReference w:customMarkFollows="1" w:id="8"/><w:t>*</w:t></w:r>'
    body = f"<w:p>{run('Claim')}{refers}<w:r><w:endnoteReference w:id='2'/></w:r>.</w:p><w:p>{run('Next')}{marked}{refers}</w:p>"

    found = word(body, footnotes=notes + f'<w:footnote w:id="8">{p("Own mark.")}</w:footnote>', endnotes=ends)

    assert texts(found) == ["Claim[1][i]", "[1] Small print.", "[i] At the end.", "Next*[2]", "Own mark."]


def test_notes_in_a_table_follow_the_table() -> None:
    body = table(cell("a") + f"<w:tc><w:p>{run('b')}<w:r><w:footnoteReference w:id='1'/></w:r></w:p></w:tc>", cell("c"))

    assert texts(word(body, footnotes=f'<w:footnote w:id="1">{p("Why.")}</w:footnote>')) == ["a | b[1]\nc", "[1] Why."]


def test_a_comment_on_a_note_follows_the_note() -> None:
    refers = '<w:r><w:{}Reference w:id="1"/></w:r>'
    note = f'<w:footnote w:id="1"><w:p>{run("Why.")}{refers.format("comment")}</w:p></w:footnote>'
    body = f"<w:p>{run('Claim')}{refers.format('footnote')}</w:p>"

    found = word(body, footnotes=note, comments=f'<w:comment w:id="1" w:author="Ann">{p("Really?")}</w:comment>')

    assert texts(found) == ["Claim[1]", "[1] Why.", "Comment by Ann: Really?"]


def test_comments_are_told_apart_from_the_text() -> None:
    comments = f'<w:comment w:id="0" w:author="Ann">{p("Really?")}{p("Ask Bob.")}</w:comment>'
    body = f"<w:p>{run('Claim.')}<w:r><w:commentReference w:id='0'/></w:r></w:p>"

    assert texts(word(body, comments=comments)) == ["Claim.", "Comment by Ann: Really? Ask Bob."]


def test_charts_and_diagrams_are_read() -> None:
    point = '<c:pt idx="0"><c:v>{}</c:v></c:pt>'
    chart = f"<c:chart><c:ser><c:tx>{point.format('Ducks')}</c:tx><c:val>{point.format(9)}</c:val></c:ser></c:chart>"
    diagram = "<a:p><a:r><a:t>Start</a:t></a:r></a:p><a:p><a:r><a:t>End</a:t></a:r></a:p>"
    body = '<w:p><w:drawing><c:chart r:id="chart"/><dgm:relIds r:dm="diagramData"/></w:drawing></w:p>' * 2

    assert texts(word(body, chart=chart, diagramData=diagram)) == [" | Ducks\n | 9", "- Start", "- End"]


def test_tables_of_contents_headers_and_footers_stay_out() -> None:
    gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
    contents = f"<w:sdt>{gallery}<w:sdtContent>{p('Contents')}{p('Part 1 ... 3')}</w:sdtContent></w:sdt>"
    styles = style("Verzeichnis1", "toc 1") + style("Abb", "table of figures")
    body = contents + p("Part 1 ... 3", style="Verzeichnis1") + p("Figure 1 ... 9", style="Abb") + p("Text.")

    assert texts(word(body, styles=styles, header=p("Acme Ltd"), footer=p("Page 1"))) == ["Text."]


def test_pages_are_counted_where_word_noted_their_ends() -> None:
    odd = '<w:sectPr><w:type w:val="oddPage"/></w:sectPr>'
    body = (
        p("one", more="<w:sectPr/>")
        + f"<w:p><w:r>{BREAK}<w:t>two</w:t>{BREAK}<w:t>three</w:t></w:r></w:p>"
        + p("still three", more='<w:sectPr><w:type w:val="nextPage"/></w:sectPr>')
        + f"<w:tbl><w:tr><w:tc><w:p><w:r>{BREAK}<w:t>five</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r>{BREAK}</w:r></w:p></w:tc></w:tr>"
        + f"<w:tr>{cell('x')}</w:tr></w:tbl>"
        + p("still five")
        + odd
    )

    found = word(body)

    assert [block.page for block in found.blocks] == [1, 2, 3, 5, 5]
    assert found.page_count == 5


def test_a_document_that_word_never_laid_out_has_no_pages() -> None:
    found = word(p("a") + '<w:p><w:r><w:br w:type="page"/></w:r></w:p>' + p("b"))

    assert ([block.page for block in found.blocks], found.page_count) == ([None, None], None)


def test_lines_of_code_are_one_piece_of_code() -> None:
    styles = style("Code", "HTML Preformatted")

    found = word(p("def f():", style="Code") + p("    return 1", style="Code") + p("Text."), styles=styles)

    assert found.text == "def f():\n    return 1\n\nText."
    assert [block.kind for block in found.blocks] == [BlockKind.CODE, BlockKind.CODE, PARAGRAPH]


def test_a_web_page_that_the_document_takes_in_is_read_and_others_are_named() -> None:
    body = p("Before.") + '<w:altChunk r:id="afChunk_html"/><w:altChunk r:id="afChunk_mht"/>' + p("After.")

    found = word(body, afChunk_html="<h2>Part</h2><p>Words.</p>", afChunk_mht="x")

    assert blocks(found) == [(PARAGRAPH, "Before."), (HEADING, "Part"), (PARAGRAPH, "Words."), (PARAGRAPH, "After.")]
    assert found.warnings == ("a file that the document takes in was not read",)


def test_the_title_is_that_of_the_properties_unless_a_template_wrote_it() -> None:
    def titled(title: str) -> str | None:
        buffer = io.BytesIO(word_file(p("Text.")))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("docProps/core.xml", f'<cp xmlns:dc="d"><dc:title>{title}</dc:title></cp>')
        return parse_docx(buffer, LIMITS).title

    assert (titled("Report"), titled("Word Document")) == ("Report", None)


def test_the_main_part_is_the_one_that_the_archive_names() -> None:
    buffer = io.BytesIO(word_file(p("old")))
    with zipfile.ZipFile(buffer) as archive:
        content = archive.read("word/document.xml").replace(b"old", b"new")
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("word/document2.xml", content)
        archive.writestr("_rels/.rels", '<R><Relationship Type="x/officeDocument" Target="word/document2.xml"/></R>')

    assert parse_docx(buffer, LIMITS).text == "new"


@pytest.mark.parametrize(
    "body",
    ["<w:p>" * 5000, "<w:p>&nothing;</w:p>", "<w:p>" + "<w:ins>" * 300 + run("x"), "<m:oMath>" + "<m:d><m:e>" * 120],
)
def test_a_broken_document_is_damaged(body: str) -> None:
    assert reason(lambda: word(body)) is ReasonCode.DAMAGED


def test_a_main_part_that_is_no_document_is_damaged() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")

    assert reason(lambda: parse_docx(buffer, LIMITS)) is ReasonCode.DAMAGED


def test_a_document_without_text_says_so() -> None:
    assert reason(lambda: word(p(" ") + "<w:sectPr/>")) is ReasonCode.NO_TEXT


@pytest.mark.parametrize("seed", range(20))
def test_a_word_file_with_broken_xml_is_read_or_refused(seed: int) -> None:
    content = word_file((p("one") + table(cell("a") + cell("b"))) * 5, styles=style("H", "heading 1"), footnotes="")

    with contextlib.suppress(DocumentRejected):
        parse_docx(io.BytesIO(broken(content, seed)), LIMITS)


def test_a_note_that_is_referred_to_without_end_is_read_once() -> None:
    refers = '<w:r><w:footnoteReference w:id="1"/></w:r>'
    loop = f'<w:footnote w:id="1"><w:p>{run("again")}{refers}</w:p></w:footnote>'

    assert word(f"<w:p>{run('a')}{refers * 3}</w:p>", footnotes=loop).text.count("again") == 1
