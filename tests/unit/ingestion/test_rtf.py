"""RTF: what people read of it, in the order in which they read it."""

import contextlib
import io
import random

import pytest

from ingestion.parsing.office.rtf import parse_rtf
from rag_service.domain.documents import BlockKind
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import LIMITS, blocks, reason


def rtf(body: str, head: str = "") -> list[tuple[BlockKind, str]]:
    return blocks(parse_rtf(io.BytesIO(f"{{\\rtf1\\ansi\\ansicpg1252{head}\n{body}}}".encode("latin-1")), LIMITS))


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


def test_rtf_text_that_names_no_font_is_in_the_code_page_of_the_default_font() -> None:
    head = r"\deff1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}"

    assert rtf(r"\'cf\'f0 \f0\'e9\par", head)[0][1] == "Пр é"


def test_rtf_columns_part_words() -> None:
    assert rtf(r"one\column two\par") == [(BlockKind.PARAGRAPH, "one\ntwo")]
