"""JSON, JSON lines and reStructuredText."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.parsing_values import headings, kinds, outcome, read, refusal


def test_json_keys_are_labels_and_headings_and_rows_are_tables() -> None:
    value = {
        "title": "Shop",
        "version": 1.5,
        "tags": ["a", "b"],
        "owner": {"name": "Ann", "home": {"city": "Bonn", "at": {"lat": 1}}},
        "rows": [{"item": "tea", "left": 3}, {"item": "milk", "left": None}],
    }

    document = read(json.dumps(value), "a.json")

    assert document.title == "Shop"
    assert kinds(document) == [
        (BlockKind.PARAGRAPH, "title: Shop\nversion: 1.5\ntags: a, b"),
        (BlockKind.HEADING, "owner"),
        (BlockKind.PARAGRAPH, "name: Ann"),
        (BlockKind.HEADING, "home"),
        (BlockKind.PARAGRAPH, "city: Bonn"),
        (BlockKind.CODE, "at:\n  lat: 1"),
        (BlockKind.HEADING, "rows"),
        (BlockKind.TABLE, "item | left\ntea | 3\nmilk |"),
    ]


def test_json_numbers_stay_as_they_were_written() -> None:
    assert read('{"a": 1.10, "b": 1e3, "c": 1' + "0" * 5000 + "}", "a.json").text.startswith("a: 1.10\nb: 1e3")


def test_json_records_with_long_texts_are_sections() -> None:
    document = read(json.dumps([{"title": "One", "text": "First.\n\nSecond."}, {"id": "7", "x": []}, 5]), "a.json")

    assert headings(document) == [(1, "One"), (1, "7")]
    assert document.text == "One\n\ntext: First.\n\nSecond.\n\n7\n\n5"


def test_json_nested_too_deeply_is_damaged() -> None:
    assert refusal("[" * 100_000 + "]" * 100_000, "a.json") is ReasonCode.DAMAGED


def test_json_nested_deeply_does_not_grow_by_its_indentation() -> None:
    text = '{"k":' * 300 + json.dumps({str(n): "x" * 300 for n in range(50)}) + "}" * 300

    assert len(read(text, "a.json").text) < 3 * len(text)


def test_what_is_not_json_is_damaged() -> None:
    assert refusal('{"a": ', "a.json") is ReasonCode.DAMAGED
    assert refusal("no\njson", "a.jsonl") is ReasonCode.DAMAGED


def test_json_lines_of_like_records_are_a_table_and_broken_ones_are_named() -> None:
    document = read('{"a": 1, "b": "x"}\nbroken\n\n{"a": 2, "b": "y"}\n', "a.jsonl")

    assert kinds(document) == [(BlockKind.TABLE, "a | b\n1 | x\n2 | y")]
    assert document.warnings == ("not JSON and left out: lines 2",)


def test_json_lines_under_the_ending_of_json_are_read() -> None:
    assert read('{"a": 1}\n{"a": 2}\n', "a.json").text == "a\n1\n2"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=25,
)


@given(JSON)
def test_any_json_is_read_or_has_no_text(value: object) -> None:
    assert outcome(json.dumps(value), "a.json") in (None, ReasonCode.NO_TEXT)


RST = """\
Guide
=====

See :ref:`the start <start>`, :class:`~shop.models.Item` and [1]_.

.. versionadded:: 3.1
   Works in trains.

.. note:: Take care.

.. code-block:: python
   :emphasize-lines: 1

   if x:
       y()

Lists
-----

1. one
2. two

term
   Its meaning.

====  ====
a     b
====  ====
1     2
====  ====

.. [1] A footnote.
.. image:: x.png
   :alt: a cat
"""


def test_rst_keeps_headings_lists_code_tables_and_footnotes_in_their_place() -> None:
    assert kinds(read(RST, "a.rst")) == [
        (BlockKind.HEADING, "Guide"),
        (BlockKind.PARAGRAPH, "See the start, Item and [1]."),
        (BlockKind.PARAGRAPH, "Added in version 3.1 Works in trains."),
        (BlockKind.PARAGRAPH, "Note: Take care."),
        (BlockKind.CODE, "if x:\n    y()"),
        (BlockKind.HEADING, "Lists"),
        (BlockKind.LIST_ITEM, "1. one"),
        (BlockKind.LIST_ITEM, "2. two"),
        (BlockKind.LIST_ITEM, "term"),
        (BlockKind.PARAGRAPH, "Its meaning."),
        (BlockKind.TABLE, "a | b\n1 | 2"),
        (BlockKind.PARAGRAPH, "[1] A footnote."),
        (BlockKind.PARAGRAPH, "a cat"),
    ]


def test_rst_opens_no_files_and_takes_no_raw_text() -> None:
    text = (
        "Words.\n\n.. include:: /etc/passwd\n\n.. literalinclude:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n"
        ".. csv-table:: t\n   :file: /etc/passwd\n\n.. raw:: html\n\n   <b>evil</b>\n\n:raw-html:`x`\n\n|d|\n\n.. |d| date::\n"
    )

    document = read(text, "a.rst")

    assert [words for words in ("root:", "evil", "20") if words in document.text] == []
    assert document.warnings == ("files that it includes were not read",)


def test_rst_reads_alike_whatever_was_read_before() -> None:
    text = "A :special:`word <w>` here.\n"
    before = read(text, "a.rst")

    read(".. role:: special(literal)\n\n.. default-role:: math\n\nA :special:`word`.\n", "b.rst")

    assert read(text, "a.rst") == before


def test_rst_nested_too_deeply_is_read_as_plain_text() -> None:
    text = "\n".join(" " * depth + "x\n" for depth in range(1500))

    assert read(text, "a.rst", ParsingLimits()).text.count("x") == 1500


@given(st.text(st.sampled_from(list("ab *`:|_.-=+[]<>\\\n\t#123")), max_size=120))
def test_any_rst_is_read_or_has_no_text(text: str) -> None:
    assert outcome("x " + text, "a.rst") in (None, ReasonCode.NO_TEXT)


def test_rst_substitutions_stand_only_where_they_are_used() -> None:
    assert read("Release |version| is out.\n\n.. |version| replace:: 3.1\n.. a remark\n", "a.rst").text == (
        "Release 3.1 is out."
    )


def test_rst_reads_directives_inside_of_items_alike_whatever_was_read_before() -> None:
    text = "* .. strange-box:: Words\n\n     More words.\n"
    before = read(text, "a.rst")

    read(".. strange-box:: A\n\n   B\n", "b.rst")

    assert read(text, "a.rst") == before
    assert before.text == "- Words\n\nMore words."


def test_rst_that_fails_leaves_no_default_role_behind() -> None:
    read(".. default-role:: math\n\n" + "*a " * 100_000, "b.rst", ParsingLimits())

    assert read("The `word` here.\n", "a.rst").text == "The word here."


@pytest.mark.parametrize(
    "mark", ["*a ", "`a ", "``a ", "|a ", "a_ ", ":a", "http://a ", "- a\n", "a\n=\n\n", ".. _a: b\n"]
)
def test_rst_of_endless_marks_is_read_as_plain_text(mark: str) -> None:
    text = "Words.\n\n" + mark * (500_000 // len(mark))

    document = read(text, "a.rst", ParsingLimits())

    assert document.text.startswith("Words.")
    assert document.warnings == ("its marks are too many or nested too deeply: it was read as plain text",)


def test_rst_tables_as_wide_as_a_wall_are_read_as_plain_text() -> None:
    edge, row = "+---" * 200 + "+\n", "| a " * 200 + "|\n"

    assert len(read(edge + (row + edge) * 300, "a.rst", ParsingLimits()).warnings) == 1


def test_json_of_many_values_under_many_levels_is_read() -> None:
    text = '{"a":' * 900 + "[" + ",".join(["[1,[[2]]]"] * 30_000) + "]" + "}" * 900

    assert read(text, "a.json", ParsingLimits()).text.count("1") == 30_000
