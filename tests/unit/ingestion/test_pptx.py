"""Presentations: what people read of them, in the order in which they read it."""

import contextlib
import io
from copy import deepcopy

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.pptx import parse_pptx
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import LIMITS, blocks, broken, odt_file, reason

TITLE_AND_CONTENT, TITLE_ONLY, BLANK = 1, 5, 6
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


def pptx(content: bytes, limits: ParsingLimits = LIMITS) -> ParsedDocument:
    return parse_pptx(io.BytesIO(content), limits)


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
    data.add_series("Ducks", (120, 0.1 + 0.2))
    chart = deck.slide().shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), data).chart
    chart.chart_title.text_frame.text = "Survey"

    assert blocks(pptx(deck.saved())) == [
        (BlockKind.PARAGRAPH, "Survey"),
        (BlockKind.TABLE, " | Ducks\n2019 | 120\n2020 | 0.3"),
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


def test_shapes_with_the_id_of_the_title_are_read() -> None:
    deck = Deck()
    slide = deck.slide(TITLE_ONLY, "Plans")
    box(slide.shapes, "Beside", left=1, top=3)
    slide.shapes[1].element.nvSpPr.cNvPr.set("id", str(slide.shapes.title.shape_id))

    assert [text for _, text in blocks(pptx(deck.saved()))] == ["Plans", "Beside"]


def test_a_table_of_thousands_of_rows_is_read() -> None:
    deck = Deck()
    first = deck.slide().shapes.add_table(1, 2, *[Inches(1)] * 4).table._tbl.tr_lst[0]
    for _ in range(2000):
        first.addnext(deepcopy(first))
    first.tc_lst[0].get_or_add_txBody().p_lst[0].add_r().text = "words"

    assert blocks(pptx(deck.saved())) == [(BlockKind.TABLE, "words |")]
