"""Formats without a reader of their own: XML of any vocabulary, and Org mode where pandoc is installed."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind
from rag_service.reasons import ReasonCode
from tests.faults import bad_files
from tests.unit.ingestion.parsing_values import LIMITS, headings, kinds, outcome, read, refusal
from tests.unit.ingestion.scans import program

PANDOC = shutil.which("pandoc")
JATS = """<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS//EN" "elsewhere.dtd"><article>
<front><title-group><article-title>Lifts in <italic>Vienna</italic></article-title></title-group>
<contrib><name><surname>Gruber</surname><given-names>Ann</given-names></name></contrib></front>
<body><sec><label>1.</label><title>Speed</title>
<p>It rises <bold>10</bold>&nbsp;metres<xref>3</xref> a second<sup>2</sup>; see<list><list-item><p>doors</p></list-item>
<list-item><p>ropes</p></list-item></list> and more.<!-- no --></p>
<sec><title>Ropes</title><fig><caption><title>A rope</title><p>Of steel.</p></caption></fig></sec></sec></body></article>"""
CALS = """<article><info><title>Fares</title></info><informaltable><tgroup><thead><row><entry>Line</entry><entry>Fare</entry></row></thead>
<tbody><row><entry morerows="1">U1</entry><entry>2</entry></row><row><entry>3</entry></row></tbody></tgroup></informaltable>
<programlisting>a =
  1<!-- no --></programlisting><section><title>By night</title></section></article>"""
DATA = """<!DOCTYPE shop SYSTEM "elsewhere.dtd"><shop><book id="b1" currency="EUR"><title>Moby</title><price>5</price><note>{long}</note></book>
<book id="b2"><title>Emma</title></book><tags><tag>red<!-- no --></tag><tag>caf&eacute;</tag></tags></shop>"""
FEED = """<rss><channel><title>News</title><item><description>&lt;p&gt;Out &amp;amp; &lt;b&gt;about&lt;/b&gt;&lt;/p&gt;</description>
<link>x</link></item></channel></rss>"""


def test_an_article_keeps_its_headings_and_every_word_of_mixed_paragraphs_in_order() -> None:
    assert kinds(read(JATS, "a.nxml")) == [
        (BlockKind.HEADING, "Lifts in Vienna"),
        (BlockKind.PARAGRAPH, "Gruber Ann"),
        (BlockKind.HEADING, "1. Speed"),
        (BlockKind.PARAGRAPH, "It rises 10 metres3 a second2; see and more."),
        (BlockKind.LIST_ITEM, "- doors"),
        (BlockKind.LIST_ITEM, "- ropes"),
        (BlockKind.HEADING, "Ropes"),
        (BlockKind.PARAGRAPH, "A rope"),
        (BlockKind.PARAGRAPH, "Of steel."),
    ]


def test_headings_of_xml_go_down_by_its_sections() -> None:
    assert headings(read(JATS, "a.xml")) == [(1, "Lifts in Vienna"), (2, "1. Speed"), (3, "Ropes")]
    assert headings(read(CALS, "a.xml")) == [(1, "Fares"), (2, "By night")]


def test_tables_and_code_of_docbook_are_kept() -> None:
    assert kinds(read(CALS, "a.xml")) == [
        (BlockKind.HEADING, "Fares"),
        (BlockKind.TABLE, "Line | Fare\nU1 | 2\nU1 | 3"),
        (BlockKind.CODE, "a =\n  1"),
        (BlockKind.HEADING, "By night"),
    ]


def test_data_become_a_paragraph_per_record_with_the_names_of_its_fields() -> None:
    long = "whales and more whales " * 10
    assert [text for _, text in kinds(read(DATA.format(long=long), "a.xml"))] == [
        "id: b1; currency: EUR; title: Moby; price: 5",
        long.strip(),
        "id: b2; title: Emma",
        "red; café",
    ]


def test_the_tags_of_pages_in_feeds_are_no_text() -> None:
    assert read(FEED, "a.rss.xml").text == "News\n\ndescription: Out & about; link: x"


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis"])
def test_xml_is_read_in_the_encoding_it_names(encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}"?><a><p>日本語の文章です。</p></a>'.encode(encoding)

    assert read(content, "a.xml").text == "日本語の文章です。"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bad_files.laughing_xml(), ReasonCode.ARCHIVE_BOMB),
        (bad_files.peeping_xml(), ReasonCode.ARCHIVE_BOMB),
        (bad_files.deep_xml(), ReasonCode.DAMAGED),
        ("<a><p>half", ReasonCode.DAMAGED),
        ("only words", ReasonCode.DAMAGED),
        ("<a><p/></a>", ReasonCode.NO_TEXT),
        (f"<a><p>{'x ' * 60_000}</p></a>", ReasonCode.TOO_LARGE),
    ],
)
def test_xml_that_is_not_read_says_why(content: bytes | str, reason: ReasonCode) -> None:
    assert refusal(content, "a.xml") is reason


def test_entities_that_are_declared_elsewhere_are_not_fetched() -> None:
    content = '<!DOCTYPE a [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]><a><p>words &eacute;</p></a>'

    assert read(content, "a.xml").text == "words é"


@pytest.mark.parametrize("tags", [("<sec>", "</sec>"), ("<list><list-item>", "</list-item></list>"), ("<p>", "</p>")])
def test_xml_as_deep_as_it_may_be_is_read_or_refused(tags: tuple[str, str]) -> None:
    depth = 240 // tags[0].count("<")
    content = f"<a>{tags[0] * depth}deep words{tags[1] * depth}</a>"

    assert outcome(content, "a.xml") in (None, ReasonCode.DAMAGED)


@pytest.mark.parametrize("seed", range(30))
def test_broken_xml_is_read_or_refused(seed: int) -> None:
    chance, content = random.Random(seed), bytearray(JATS.encode())  # noqa: S311
    for _ in range(3):
        content[chance.randrange(len(content))] = chance.choice(b"<>&;/!x[\xff")

    assert outcome(bytes(content), "a.xml") in (None, ReasonCode.DAMAGED)


def test_without_pandoc_org_is_read_as_the_text_it_is() -> None:
    document = read("* Opening hours\n\nNine to five.", "a.org")

    assert document.text == "* Opening hours\n\nNine to five."
    assert document.warnings == ("pandoc is not installed: it was read as plain text",)


def with_program(path: Path) -> ParsingLimits:
    return replace(LIMITS, pandoc_program=str(path))


def test_org_is_read_as_what_pandoc_makes_of_it(tmp_path: Path) -> None:
    page = "<h2>Hours</h2><p>Nine to <b>five</b>.</p><ul><li>not on Sundays</li></ul><pre>a  b</pre>"
    pandoc = program(tmp_path, f"cat > /dev/null; echo '{page}'")

    assert kinds(read("** Hours", "a.org", with_program(pandoc))) == [
        (BlockKind.HEADING, "Hours"),
        (BlockKind.PARAGRAPH, "Nine to five."),
        (BlockKind.LIST_ITEM, "- not on Sundays"),
        (BlockKind.CODE, "a  b"),
    ]


@pytest.mark.parametrize(
    ("script", "reason"), [("exit 1", ReasonCode.PARSER_CRASHED), ("exec sleep 60", ReasonCode.PARSER_TIMEOUT)]
)
def test_a_pandoc_that_fails_or_hangs_is_told_as_such(tmp_path: Path, script: str, reason: ReasonCode) -> None:
    limits = replace(with_program(program(tmp_path, script)), timeout_s=0.2)

    assert refusal("* Hours", "a.org", limits) is reason


@pytest.mark.skipif(PANDOC is None, reason="pandoc is not installed")
def test_org_that_includes_files_is_read_without_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the combination", encoding="utf-8")
    content = f'#+TITLE: Museum\n#+INCLUDE: "{tmp_path}/secret"\n\n* Hours\n\nNine to five.'

    document = read(content, "a.org", with_program(Path(PANDOC or "")))

    assert "combination" not in document.text
    assert headings(document) == [(1, "Museum"), (1, "Hours")]
