"""Word files: the bullets and numbers of lists, which are counted, not read."""

import io

import pytest

from ingestion.parsing.office.docx import parse_docx
from ingestion.parsing.office.docx_numbers import written
from rag_service.domain.documents import BlockKind
from tests.unit.ingestion.office_values import LIMITS, blocks, word_file


def level(depth: int, form: str, pattern: str, *, start: int = 1, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{pattern}"/>{more}</w:lvl>'
    )


def series(series_id: str, *levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{series_id}">{"".join(levels)}</w:abstractNum>'


def numbers(list_id: str, series_id: str, *, starts: str = "") -> str:
    override = f'<w:lvlOverride w:ilvl="0"><w:startOverride w:val="{starts}"/></w:lvlOverride>' if starts else ""
    return f'<w:num w:numId="{list_id}"><w:abstractNumId w:val="{series_id}"/>{override}</w:num>'


def item(list_id: str = "", depth: int | None = 0, *, style: str = "", text: str = "x") -> str:
    placed = f'<w:ilvl w:val="{depth}"/>' if depth is not None else ""
    listed = f'<w:numPr>{placed}<w:numId w:val="{list_id}"/></w:numPr>' if list_id else ""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{listed}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def read(body: str, numbering: str, styles: str = "") -> list[str]:
    document = parse_docx(io.BytesIO(word_file(body, numbering=numbering, styles=styles)), LIMITS)
    return [text.removesuffix("x").strip() for _, text in blocks(document)]


LEGAL = series("0", level(0, "upperRoman", "Part %1"), level(1, "decimal", "%1.%2"), level(2, "lowerLetter", "(%3)"))


def test_numbers_of_deeper_items_name_those_above_and_begin_anew_below_each() -> None:
    depths = (0, 1, 2, 2, 1, 2, 0, 1)

    assert read("".join(item("1", depth) for depth in depths), LEGAL + numbers("1", "0")) == [
        "Part I", "I.1", "(a)", "(b)", "I.2", "(a)", "Part II", "II.1",
    ]  # fmt: skip


def test_legal_numbers_are_digits_and_levels_may_count_on() -> None:
    levels = level(0, "upperRoman", "%1"), level(1, "decimal", "%1.%2", more='<w:isLgl/><w:lvlRestart w:val="0"/>')

    assert read("".join(item("1", depth) for depth in (0, 1, 0, 1)), series("0", *levels) + numbers("1", "0")) == [
        "I", "1.1", "II", "2.2",
    ]  # fmt: skip


def test_lists_of_one_definition_count_on_unless_they_say_where_to_begin() -> None:
    numbering = (
        series("0", level(0, "decimal", "%1.")) + numbers("1", "0") + numbers("2", "0") + numbers("3", "0", starts="7")
    )

    assert read("".join(map(item, "1123312")), numbering) == ["1.", "2.", "3.", "7.", "8.", "9.", "10."]


def test_a_deeper_item_without_one_above_is_the_first_of_the_first() -> None:
    assert read(item("1", 1) + item("1", 0), LEGAL + numbers("1", "0")) == ["I.1", "Part II"]


def test_bullets_are_dashes_and_lists_without_marks_are_paragraphs() -> None:
    numbering = series("0", level(0, "bullet", "\uf0b7"), level(1, "none", "")) + numbers("1", "0")

    document = parse_docx(io.BytesIO(word_file(item("1", 0) + item("1", 1) + item("0"), numbering=numbering)), LIMITS)

    assert blocks(document) == [(BlockKind.LIST_ITEM, "- x"), (BlockKind.PARAGRAPH, "x"), (BlockKind.PARAGRAPH, "x")]


def test_styles_make_lists_and_numbered_headings() -> None:
    styles = (
        '<w:style w:styleId="H2"><w:name w:val="heading 2"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        '<w:style w:styleId="L"><w:name w:val="List Bullet 2"/></w:style>'
    )
    numbering = series("0", level(0, "decimal", "%1"), level(1, "decimal", "%1.%2", more='<w:pStyle w:val="H2"/>'))
    body = item(style="H2") + item(style="H2") + item("0", style="H2") + item(style="L")

    assert read(body, numbering + numbers("1", "0"), styles) == ["1.1", "1.2", "", "-"]


def test_an_item_may_name_its_depth_and_leave_the_list_to_its_style() -> None:
    styles = (
        '<w:style w:styleId="L"><w:name w:val="l"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    deeper = item(style="L").replace("</w:pPr>", '<w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr>')

    assert read(item(style="L") + deeper, LEGAL + numbers("1", "0"), styles) == ["Part I", "I.1"]


def test_a_style_of_lists_may_hold_the_levels() -> None:
    linked = '<w:abstractNum w:abstractNumId="1"><w:numStyleLink w:val="Mine"/></w:abstractNum>'
    holder = series("0", '<w:styleLink w:val="Mine"/>', level(0, "decimal", "%1)"))

    assert read(item("2") * 2, linked + holder + numbers("2", "1")) == ["1)", "2)"]


def test_items_of_unknown_lists_and_levels_are_paragraphs() -> None:
    assert read(item("9") + item("1", 8), LEGAL + numbers("1", "0") + numbers("2", "missing")) == ["", ""]


def test_items_whose_end_was_deleted_are_not_counted() -> None:
    ended = (
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:rPr><w:del/></w:rPr></w:pPr></w:p>'
    )

    assert read(item("1") + ended + item("1"), LEGAL + numbers("1", "0")) == ["Part I", "Part II"]


def test_levels_that_word_does_not_have_are_left_out() -> None:
    numbering = series("0", level(8, "decimal", "%9."), level(9, "decimal", "%9.")) + numbers("1", "0")

    assert read(item("1", 8) + item("1", 9), numbering) == ["1.", ""]


def test_items_in_cells_have_their_numbers_and_empty_items_count() -> None:
    cell, rest = f"<w:tc>{item('1', text='')}</w:tc>", "<w:tc><w:p><w:r><w:t>y</w:t></w:r></w:p></w:tc>"
    body = f"<w:tbl><w:tr>{cell}{rest}</w:tr><w:tr>{cell}{rest}</w:tr></w:tbl>"

    assert read(body, series("0", level(0, "decimal", "%1.")) + numbers("1", "0")) == ["1. | y\n2. | y"]


@pytest.mark.parametrize(
    ("number", "form", "shown"),
    [
        (4, "lowerRoman", "iv"), (1999, "upperRoman", "MCMXCIX"), (10**9, "upperRoman", "1000000000"), (0, "upperRoman", "0"),
        (27, "lowerLetter", "aa"), (53, "upperLetter", "AAA"), (10**9, "upperLetter", "1000000000"), (0, "upperLetter", "0"),
        (5, "decimalZero", "05"), (11, "ordinal", "11th"), (22, "ordinal", "22nd"), (3, "decimalEnclosedCircle", "③"),
        (21, "decimalEnclosedCircle", "21"), (10, "chineseCounting", "十"), (21, "japaneseCounting", "二十一"),
        (100, "chineseCounting", "100"), (7, "thaiCounting", "7"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_list_wants(number: int, form: str, shown: str) -> None:
    assert written(number, form) == shown
