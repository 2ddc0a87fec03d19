"""Presentations, ODT and RTF: what people read of them, in the order in which they read it."""

import contextlib
import io
import random
import zipfile
from collections.abc import Callable

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.odt import parse_odt
from ingestion.parsing.office.pptx import parse_pptx
from ingestion.parsing.office.rtf import parse_rtf
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

LIMITS = ParsingLimits(max_text_chars=100_000, max_pages=3)
TITLE_AND_CONTENT, TITLE_ONLY, BLANK = 1, 5, 6
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


def pptx(content: bytes, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    return parse_pptx(io.BytesIO(content), limits)


def odt_file(body: str, *, styles: str = "", **parts: str) -> bytes:
    names = {prefix: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for prefix, name in {
        "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing", "svg": "svg-compatible",
    }.items()}  # fmt: skip
    spaces = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in names.items())
    content = (
        f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": content,
            **parts,
        }.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def odt(body: str, *, styles: str = "") -> list[tuple[BlockKind, str]]:
    return blocks(parse_odt(io.BytesIO(odt_file(body, styles=styles)), LIMITS))


def rtf(body: str, head: str = "") -> list[tuple[BlockKind, str]]:
    return blocks(parse_rtf(io.BytesIO(f"{{\\rtf1\\ansi\\ansicpg1252{head}\n{body}}}".encode("latin-1")), LIMITS))


def blocks(document: ParsedDocument) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.span.of(document.text)) for block in document.blocks]


def reason(parse: Callable[[], object]) -> ReasonCode:
    with pytest.raises(DocumentRejected) as caught:
        parse()
    return caught.value.reason


class Deck:
    """A presentation in the making."""

    def __init__(self) -> None:
        self.presentation = Presentation()

    def slide(self, layout: int = BLANK, title: str | None = None):
        slide = self.presentation.slides.add_slide(self.presentation.slide_layouts[layout])
        if title is not None:
            slide.shapes.title.text = title
        return slide

    def saved(self) -> bytes:
        buffer = io.BytesIO()
        self.presentation.save(buffer)
        return buffer.getvalue()


def box(shapes, text: str, *, left: float, top: float, height: float = 1) -> None:
    shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(height)).text_frame.text = text


def test_a_slide_is_a_page_with_its_title_as_heading_and_its_content_as_list() -> None:
    deck = Deck()
    deck.slide(TITLE_AND_CONTENT, "Plans").placeholders[1].text = "One\nTwo"
    deck.slide(TITLE_ONLY, "Ends")

    document = pptx(deck.saved())

    assert [(block.kind, block.page) for block in document.blocks] == [
        (BlockKind.HEADING, 1), (BlockKind.LIST_ITEM, 1), (BlockKind.LIST_ITEM, 1), (BlockKind.HEADING, 2),
    ]  # fmt: skip
    assert document.text == "Plans\n- One\n- Two\n\nEnds" and document.page_count == 2


def test_notes_of_the_speaker_come_after_the_slide() -> None:
    deck = Deck()
    slide = deck.slide(TITLE_ONLY, "Plans")
    slide.notes_slide.notes_text_frame.text = "Say hello."
    box(slide.shapes, "Shown", left=1, top=3)

    assert pptx(deck.saved()).text == "Plans\n\nShown\n\nSay hello."


def test_shapes_are_read_in_rows_from_left_to_right() -> None:
    deck = Deck()
    slide = deck.slide()
    for text, left, top, height in (("d", 1, 5, 1), ("c", 5, 2.5, 1), ("b", 5, 0.9, 1), ("a", 1, 1, 3)):
        box(slide.shapes, text, left=left, top=top, height=height)

    assert pptx(deck.saved()).text == "b\n\na\n\nc\n\nd"


def test_texts_inside_groups_are_read() -> None:
    deck = Deck()
    inner = deck.slide().shapes.add_group_shape().shapes.add_group_shape()
    box(inner.shapes, "deep", left=1, top=1)

    assert pptx(deck.saved()).text == "deep"


def test_a_table_on_a_slide_repeats_what_is_merged_over_rows() -> None:
    deck = Deck()
    table = deck.slide().shapes.add_table(3, 2, Inches(1), Inches(1), Inches(4), Inches(2)).table
    for row, values in enumerate((["town", "size"], ["Paris", "1"], ["", "2\nor 3"])):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    table.cell(1, 0).merge(table.cell(2, 0))

    assert blocks(pptx(deck.saved())) == [(BlockKind.TABLE, "town | size\nParis | 1\nParis | 2 or 3")]


def test_the_numbers_of_a_chart_are_a_table_under_its_title() -> None:
    deck, data = Deck(), CategoryChartData()
    data.categories = ["2019", "2020"]
    data.add_series("Ducks", (120, 130.5))
    chart = deck.slide().shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), data).chart
    chart.chart_title.text_frame.text = "Survey"

    assert blocks(pptx(deck.saved())) == [
        (BlockKind.PARAGRAPH, "Survey"),
        (BlockKind.TABLE, " | Ducks\n2019 | 120\n2020 | 130.5"),
    ]


@pytest.mark.parametrize(
    ("described", "read"),
    [
        ("A duck on a lake", "A duck on a lake"),
        ("IMG_1.png", ""),
        ("A duck\nDescription automatically generated", "A duck"),
    ],
)
def test_alternative_texts_of_pictures_are_read_unless_they_are_names_of_files(described: str, read: str) -> None:
    deck = Deck()
    slide = deck.slide(TITLE_ONLY, "Duck")
    picture = slide.shapes.add_picture(io.BytesIO(PIXEL), 0, Inches(3))
    picture._element.nvPicPr.cNvPr.set("descr", described)

    assert pptx(deck.saved()).text == f"Duck\n\n{read}".strip()


def test_comments_come_after_the_slide_with_the_names_of_those_who_wrote_them() -> None:
    space = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    deck = Deck()
    slide = deck.slide(TITLE_ONLY, "Plans")
    add_part(
        deck.presentation.part,
        "commentAuthors",
        f'<p:cmAuthorLst {space}><p:cmAuthor id="0" name="Ann"/></p:cmAuthorLst>',
    )
    add_part(slide.part, "comments", f'<p:cmLst {space}><p:cm authorId="0"><p:text>Really?</p:text></p:cm></p:cmLst>')

    assert pptx(deck.saved()).text == "Plans\n\nComment by Ann: Really?"


def add_part(owner, kind: str, xml: str) -> None:
    part = Part(PackURI(f"/ppt/{kind}1.xml"), "application/xml", owner.package, xml.encode())
    owner.relate_to(part, f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}")


def test_hidden_slides_are_read_and_named() -> None:
    deck = Deck()
    deck.slide(TITLE_ONLY, "Spare")._element.set("show", "0")

    assert pptx(deck.saved()).warnings == ("hidden slides were read too",)


def test_a_presentation_of_more_slides_than_pages_are_allowed_is_refused() -> None:
    deck = Deck()
    for _ in range(4):
        deck.slide(TITLE_ONLY, "x")

    assert reason(lambda: pptx(deck.saved())) is ReasonCode.TOO_MANY_PAGES


def test_a_presentation_without_text_has_none() -> None:
    deck = Deck()
    deck.slide()

    assert reason(lambda: pptx(deck.saved())) is ReasonCode.NO_TEXT


def test_a_zip_file_that_is_no_presentation_is_damaged() -> None:
    assert reason(lambda: pptx(odt_file("<text:p>x</text:p>"))) is ReasonCode.DAMAGED


@pytest.mark.parametrize("share", [number / 10 for number in range(10)])
def test_a_presentation_that_ends_early_is_damaged(share: float) -> None:
    deck = Deck()
    deck.slide(TITLE_ONLY, "x")
    content = deck.saved()

    assert reason(lambda: pptx(content[: int(len(content) * share)])) is ReasonCode.DAMAGED


@pytest.mark.parametrize("seed", range(20))
def test_a_presentation_with_broken_xml_is_read_or_refused(seed: int) -> None:
    deck = Deck()
    deck.slide(TITLE_AND_CONTENT, "x").placeholders[1].text = "text"

    with contextlib.suppress(DocumentRejected):
        pptx(broken(deck.saved(), seed))


def broken(archive: bytes, seed: int) -> bytes:
    """Return the archive with damage inside one of its XML parts."""
    chance = random.Random(seed)  # noqa: S311  (a seed, not a secret)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = chance.choice([name for name in old.namelist() if name.endswith((".xml", ".rels"))])
        for name in old.namelist():
            part = old.read(name)
            place = chance.randrange(len(part)) if name == chosen else len(part)
            new.writestr(name, part[:place] + (chance.choice([b"", b"<", b"'", b"9"]) + part[place + 7 :])[: len(part)])
    return buffer.getvalue()


def test_odt_headings_have_levels_and_titles_are_headings() -> None:
    styles = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    body = '<text:p text:style-name="P1">Top</text:p><text:h text:outline-level="3">Part</text:h><text:p>Text.</text:p>'

    document = parse_odt(io.BytesIO(odt_file(body, styles=styles)), LIMITS)

    assert [(block.kind, block.level) for block in document.blocks] == [
        (BlockKind.HEADING, 1), (BlockKind.HEADING, 3), (BlockKind.PARAGRAPH, None),
    ]  # fmt: skip


def test_odt_lists_have_bullets_or_numbers_also_inside_each_other() -> None:
    styles = '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1"/></text:list-style>'
    inner = "<text:list><text:list-item><text:p>in</text:p></text:list-item></text:list>"
    body = (
        '<text:list text:style-name="L"><text:list-item><text:p>one</text:p></text:list-item>'
        f"<text:list-item><text:p>two</text:p>{inner}</text:list-item></text:list>"
    )

    assert odt(body, styles=styles) == [(BlockKind.LIST_ITEM, text) for text in ("1. one", "2. two", "- in")]


def test_odt_notes_follow_the_paragraph_that_refers_to_them() -> None:
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Small print.</text:p></text:note-body></text:note>"

    assert [text for _, text in odt(f"<text:p>Claim{note}.</text:p><text:p>Next.</text:p>")] == [
        "Claim[1].", "[1] Small print.", "Next.",
    ]  # fmt: skip


def test_odt_tables_keep_rows_and_repeat_no_padding() -> None:
    body = (
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell><text:p>b</text:p><text:p>c</text:p></table:table-cell></table:table-row></table:table-header-rows>"
        '<table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>1</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:number-rows-repeated="9999"><table:table-cell table:number-columns-repeated="999999999"/>'
        "</table:table-row></table:table>"
    )

    assert odt(body) == [(BlockKind.TABLE, "a | b c\n1 | 1")]


def test_odt_leaves_out_deleted_text_and_tables_of_contents() -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:table-of-content><text:p>Part 1</text:p></text:table-of-content><text:section><text:p>kept</text:p></text:section>"
    )

    assert odt(body) == [(BlockKind.PARAGRAPH, "kept")]


def test_odt_reads_text_boxes_and_alternative_texts() -> None:
    frame = "<draw:frame><svg:desc>A duck</svg:desc></draw:frame>"
    text_box = "<draw:frame><draw:text-box><text:p>Figure 1</text:p></draw:text-box></draw:frame>"

    assert [text for _, text in odt(f"<text:p>See{frame}{text_box}</text:p>")] == ["See A duck", "Figure 1"]


def test_odt_cells_merged_over_rows_are_beside_each_of_them() -> None:
    north = '<table:table-cell table:number-rows-spanned="2"><text:p>North</text:p></table:table-cell>'
    first, second = (f"<table:table-cell><text:p>{text}</text:p></table:table-cell></table:table-row>" for text in "ab")
    row = "<table:table-row>"
    body = f"<table:table>{row}{north}{first}{row}<table:covered-table-cell/>{second}</table:table>"

    assert odt(body) == [(BlockKind.TABLE, "North | a\nNorth | b")]


def test_odt_reads_the_numbers_of_its_charts() -> None:
    table = "<table:table><table:table-row><table:table-cell><text:p>9.1</text:p></table:table-cell></table:table-row></table:table>"
    chart = odt_file(table)
    with zipfile.ZipFile(io.BytesIO(chart)) as archive:
        inner = archive.read("content.xml").decode()
    body = '<text:p>Chart<draw:object xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="./Object 1"/></text:p>'

    document = parse_odt(io.BytesIO(odt_file(body, **{"Object 1/content.xml": inner})), LIMITS)

    assert document.text == "Chart\n\n9.1"


def test_odt_spaces_and_breaks_are_kept() -> None:
    assert odt('<text:p>a<text:s text:c="999999999"/>b<text:tab/>c<text:line-break/>d</text:p>')[0][1] == "a b c\nd"


def test_an_encrypted_odt_needs_its_password() -> None:
    manifest = '<m:manifest xmlns:m="urn:m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'

    content = odt_file("<text:p>x</text:p>", **{"META-INF/manifest.xml": manifest})

    assert reason(lambda: parse_odt(io.BytesIO(content), LIMITS)) is ReasonCode.NEEDS_PASSWORD


@pytest.mark.parametrize(
    "body", ["<text:p>" * 5000, "<text:p>&nothing;</text:p>", "<text:p>" + "<text:span>" * 240 + "x"]
)
def test_a_broken_odt_is_damaged(body: str) -> None:
    assert reason(lambda: odt(body)) is ReasonCode.DAMAGED


@pytest.mark.parametrize("seed", range(20))
def test_an_odt_with_broken_xml_is_read_or_refused(seed: int) -> None:
    with contextlib.suppress(DocumentRejected):
        parse_odt(io.BytesIO(broken(odt_file("<text:p>one</text:p><text:h>two</text:h>" * 9), seed)), LIMITS)


def test_rtf_headings_come_from_outline_levels_and_from_styles() -> None:
    head = r"{\stylesheet{\s0 Normal;}{\s4 heading 2;}}"

    document = rtf(r"{\pard\outlinelevel0 Top\par}\pard\s4 Part\par\pard\s0 Text.\par", head)

    assert document == [(BlockKind.HEADING, "Top"), (BlockKind.HEADING, "Part"), (BlockKind.PARAGRAPH, "Text.")]


def test_rtf_text_in_the_code_pages_of_its_fonts_and_in_unicode() -> None:
    fonts = r"{\fonttbl{\f0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}"

    assert rtf(r"\f1\'cf\'f0 \f2\'83A \f0\'e9 \u8364? \u-10179?\u-8704?\par", fonts)[0][1] == "Пр ア é € 😀"


def test_rtf_skips_as_many_fallback_characters_as_it_says() -> None:
    assert rtf(r"{\uc2\u8364\'80xA}{\uc0\u8364 B}\u8364 ?C\par")[0][1] == "€A€B€C"


def test_rtf_tables_are_tables_and_text_goes_on_behind_them() -> None:
    row = r"\trowd\cellx1\cellx2\pard\intbl {0}\cell {1}\par more\cell\row "

    assert rtf(row.replace("{0}", "a").replace("{1}", "b") + r"1\cell 2\cell\row\pard After.\par") == [
        (BlockKind.TABLE, "a | b more\n1 | 2"),
        (BlockKind.PARAGRAPH, "After."),
    ]


def test_rtf_lists_keep_their_numbers_and_bullets() -> None:
    assert rtf(r"{\listtext\'b7\tab}one\par{\pntext 2.\tab}two\par") == [
        (BlockKind.LIST_ITEM, "- one"),
        (BlockKind.LIST_ITEM, "2. two"),
    ]


def test_rtf_notes_follow_the_paragraph_that_refers_to_them() -> None:
    body = r"Claim{\super\chftn}{\footnote\pard {\super\chftn} Small print.\par}.\par Next.\par"

    assert [text for _, text in rtf(body)] == ["Claim[1].", "[1] Small print.", "Next."]


@pytest.mark.parametrize(
    "unseen",
    [
        r"{\header\pard top\par}", r"{\v hidden}", r"{\deleted gone}", r"{\*\unknown junk}", r"{\pict\wmetafile8 0123}",
        r"{\field{\*\fldinst HYPERLINK x}}", r"{\info{\author Ann}}", r"{\colortbl;\red0;}", r"{\object{\*\objdata 00}}",
    ],
)  # fmt: skip
def test_rtf_leaves_out_what_is_not_shown(unseen: str) -> None:
    assert rtf(rf"See {unseen}this.\par") == [(BlockKind.PARAGRAPH, "See this.")]


def test_rtf_pictures_in_binary_hide_nothing_behind_them() -> None:
    assert rtf(r"a{\pict\bin9 }}}{{{\\x}b\par")[0][1] == "ab"


def test_rtf_alternative_texts_boxes_and_results_of_fields_are_read() -> None:
    body = (
        r"{\pict{\*\picprop{\sp{\sn wzDescription}{\sv A duck}}}0123} {\field{\*\fldinst X}{\fldrslt link}}\par"
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt boxed\par}}{\shprslt again}}"
    )

    assert [text for _, text in rtf(body)] == ["A duck link", "boxed"]


def test_rtf_takes_its_title_from_its_properties() -> None:
    content = rb"{\rtf1{\info{\title My text}}x\par}"

    assert parse_rtf(io.BytesIO(content), LIMITS).title == "My text"


def test_an_rtf_that_ends_early_is_read_with_a_warning() -> None:
    document = parse_rtf(io.BytesIO(rb"{\rtf1 {\b one\par tw"), LIMITS)

    assert (document.text, document.warnings) == ("one\n\ntw", ("the file ends early",))


@pytest.mark.parametrize("content", [b"no rtf", b"{\\rtf1" + b"{" * 5000])
def test_a_broken_rtf_is_damaged(content: bytes) -> None:
    assert reason(lambda: parse_rtf(io.BytesIO(content), LIMITS)) is ReasonCode.DAMAGED


@pytest.mark.parametrize("seed", range(30))
def test_any_bytes_behind_an_rtf_header_are_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    words = [
        rb"\par",
        b"{",
        b"}",
        rb"\u-5",
        rb"\'8",
        rb"\*",
        rb"\bin5",
        rb"\footnote",
        rb"\cell",
        rb"\row",
        b"\xff",
        b" x",
    ]
    words += [
        rb"\fonttbl",
        rb"\f1",
        rb"\fcharset128",
        rb"\stylesheet",
        rb"\s9999999999",
        rb"\uc-3",
        rb"\ansicpg99",
        rb"\sv",
        b"\\",
    ]

    with contextlib.suppress(DocumentRejected):
        parse_rtf(io.BytesIO(b"{\\rtf1" + b"".join(chance.choices(words, k=400))), LIMITS)
