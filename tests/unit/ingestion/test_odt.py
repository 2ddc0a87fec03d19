"""ODT: what people read of it, in the order in which they read it."""

import contextlib
import io
import time
import zipfile

import pytest

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.odt import parse_odt
from rag_service.domain.documents import BlockKind
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import LIMITS, blocks, broken, odt_file, reason


def odt(body: str, *, styles: str = "") -> list[tuple[BlockKind, str]]:
    return blocks(parse_odt(io.BytesIO(odt_file(body, styles=styles)), LIMITS))


def processor_time_of(body: str) -> float:
    file = io.BytesIO(odt_file(body))
    started = time.process_time()
    parse_odt(file, ParsingLimits())
    return time.process_time() - started


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


def test_odt_lists_count_from_where_they_say() -> None:
    styles = '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1"/></text:list-style>'
    items = '<text:list-item text:start-value="5"><text:p>a</text:p></text:list-item><text:list-item><text:p>b</text:p></text:list-item>'

    assert odt(f'<text:list text:style-name="L">{items}</text:list>', styles=styles) == [
        (BlockKind.LIST_ITEM, "5. a"), (BlockKind.LIST_ITEM, "6. b"),
    ]  # fmt: skip


def test_odt_cells_that_repeat_without_end_are_too_large() -> None:
    cell = f'<table:table-cell table:number-columns-repeated="1000"><text:p>{"word " * 20}</text:p></table:table-cell>'
    body = f"<table:table>{f'<table:table-row>{cell}</table:table-row>' * 50}</table:table>"

    assert reason(lambda: odt(body)) is ReasonCode.TOO_LARGE


def test_odt_cells_that_tell_a_story_are_read_once() -> None:
    first = f'<table:table-row><table:table-cell table:number-rows-spanned="3"><text:p>{"story " * 50}</text:p></table:table-cell>'
    row = "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
    body = f"<table:table>{first}{row}{f'<table:table-row><table:covered-table-cell/>{row}' * 2}</table:table>"

    assert odt(body)[0][1].count("story") == 50


def test_a_paragraph_of_deep_spans_takes_as_long_wherever_it_ends_in_what_is_read_at_once() -> None:
    paragraph = f"<text:p>{'<text:span>' * 240}{'<text:span>a</text:span>' * 80_000}{'</text:span>' * 240}</text:p>"

    def least_time(before: int) -> float:
        # Even processor time grows on a busy machine; the least of three says what the work is.
        return min(processor_time_of(f"<!--{' ' * before}-->{paragraph}") for _ in range(3))

    times = [least_time(before) for before in range(0, 2**16, 2**14)]

    assert max(times) < 4 * min(times)  # ten times, when the library goes through all of it for each event that waits
