"""Word files: what the paragraphs show, whatever their runs are made of."""

import io

import pytest

from ingestion.parsing.office.docx import parse_docx
from ingestion.parsing.office.symbol_fonts import symbol
from rag_service.domain.documents import BlockKind
from rag_service.reasons import ReasonCode
from tests.unit.ingestion.office_values import LIMITS, blocks, reason, word_file


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def char(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def code(text: str) -> str:
    return f"<w:r><w:instrText>{text}</w:instrText></w:r>"


def read(body: str, **parts: str) -> str:
    return parse_docx(io.BytesIO(word_file(body, **parts)), LIMITS).text


def paragraph(content: str, **parts: str) -> str:
    return read(f"<w:p>{content}</w:p>", **parts)


def math(content: str) -> str:
    return paragraph(f"<m:oMathPara><m:oMath>{content}</m:oMath></m:oMathPara>")


def m(text: str) -> str:
    return f"<m:r><m:rPr/><m:t>{text}</m:t></m:r>"


def test_insertions_are_kept_and_deletions_dropped() -> None:
    changes = f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    moves = f"<w:moveFrom>{run('here')}</w:moveFrom><w:moveTo>{run(' there')}</w:moveTo>"

    assert paragraph(changes + moves) == "new there"


def test_a_paragraph_whose_end_was_deleted_goes_on_with_the_next() -> None:
    ended = f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{run('One ')}</w:p>"

    assert read(f"{ended}{ended}<w:p>{run('two.')}</w:p>{ended}") == "One One two.\n\nOne"


def test_fields_show_their_results_and_not_their_codes() -> None:
    inner = char("begin") + code("PAGE") + char("separate") + run("not shown") + char("end")
    outer = char("begin") + code("IF ") + inner + code(" = 1") + char("separate") + run("shown") + char("end")
    simple = f'<w:fldSimple w:instr="DATE">{run(" today")}</w:fldSimple>'

    assert paragraph(run("Is ") + outer + simple) == "Is shown today"


def test_a_field_without_end_hides_nothing_of_the_text_after_it() -> None:
    assert read(f"<w:p>{run('a')}{char('begin')}{code('X')}</w:p><w:p>{run('b')}{char('end')}</w:p>") == "a\n\nb"


def test_boxes_to_tick_and_lists_to_choose_from_show_what_was_chosen() -> None:
    def form(data: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r>{char("end")}'

    boxes = "<w:checkBox><w:default w:val='1'/></w:checkBox>", "<w:checkBox><w:checked w:val='0'/></w:checkBox>"
    choice = "<w:ddList><w:result w:val='1'/><w:listEntry w:val='no'/><w:listEntry w:val='yes'/></w:ddList>"

    assert paragraph("".join(map(form, (*boxes, choice)))) == "☒☐yes"


def test_links_controls_smart_tags_and_directions_are_looked_into() -> None:
    control = f"<w:sdt><w:sdtPr><w:tag w:val='t'/></w:sdtPr><w:sdtContent>{run(' control')}</w:sdtContent></w:sdt>"
    nested = f"<w:hyperlink><w:smartTag>{run('link')}</w:smartTag></w:hyperlink>{control}<w:bdo><w:dir>{run(' dir')}</w:dir></w:bdo>"

    assert paragraph(nested) == "link control dir"


def test_hidden_text_stays_out() -> None:
    styles = '<w:style w:styleId="H"><w:name w:val="h"/><w:rPr><w:vanish/></w:rPr></w:style>'
    hidden = run("a", "<w:vanish/>") + run("b", '<w:rStyle w:val="H"/>')
    shown = run("c", '<w:vanish w:val="0"/>') + run("d", '<w:rStyle w:val="H"/><w:vanish w:val="false"/>')

    assert (
        read(f'<w:p><w:pPr><w:pStyle w:val="H"/></w:pPr>{run("e")}</w:p><w:p>{hidden + shown}</w:p>', styles=styles)
        == "cd"
    )


def test_tabs_breaks_and_hyphens() -> None:
    content = "<w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:softHyphen/><w:t>d</w:t><w:noBreakHyphen/><w:t>e</w:t><w:cr/><w:t>f</w:t>"

    assert paragraph(f"<w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r>{content}</w:r>") == "a b\ncd\u2011e\nf"


def test_text_from_right_to_left_is_kept_as_it_is_read_and_ruby_once() -> None:
    ruby = f"<w:r><w:ruby><w:rt>{run('とう')}</w:rt><w:rubyBase>{run('東')}</w:rubyBase></w:ruby></w:r>"

    assert paragraph(run("שלום עולם ", "<w:rtl/>") + ruby) == "שלום עולם 東"


@pytest.mark.parametrize(
    ("font", "place", "shown"),
    [
        ("Symbol", "F061", "α"), ("Symbol", "B3", "≥"), ("Wingdings", "F0FC", "✓"), ("Wingdings", "F0FE", "☑"),
        ("Segoe UI Symbol", "2605", "★"), ("Unknown", "F041", ""), ("Symbol", "zz", ""), ("Symbol", "20", ""),
    ],
)  # fmt: skip
def test_symbols_are_named_by_font_and_place(font: str, place: str, shown: str) -> None:
    assert symbol(font, place) == shown
    assert paragraph(f'{run("x")}<w:r><w:sym w:font="{font}" w:char="{place}"/></w:r>') == f"x{shown}"


def test_alternative_texts_are_read_once_and_names_of_files_are_none() -> None:
    picture = '<wp:docPr descr="A duck"/><a:cNvPr descr="A duck"/><a:cNvPr descr="image1.png"/>'
    old = '<w:pict><v:shape alt="A pond"/></w:pict>'

    assert paragraph(f"<w:r><w:drawing>{picture}</w:drawing>{old}</w:r>{run('Figure 1')}") == "A duck A pond Figure 1"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"<m:f><m:num>{m('a+b')}</m:num><m:den>{m('2a')}</m:den></m:f>{m('x')}", "(a+b)/(2a) x"),
        (f"<m:f><m:fPr><m:type m:val='noBar'/></m:fPr><m:num>{m('n')}</m:num><m:den>{m('k')}</m:den></m:f>", "n¦k"),
        (f"<m:sSup><m:e>{m('r')}</m:e><m:sup>{m('2')}</m:sup></m:sSup>{m('=4')}", "r^2=4"),
        (f"<m:sSubSup><m:e>{m('N')}</m:e><m:sub>{m('s')}</m:sub><m:sup>{m('H')}</m:sup></m:sSubSup>", "N_s^H"),
        (f"<m:sPre><m:sub>{m('6')}</m:sub><m:sup>{m('14')}</m:sup><m:e>{m('C')}</m:e></m:sPre>", "_6^14 C"),
        (f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{m('i=1')}</m:sub><m:sup>{m('n')}</m:sup><m:e>{m('i')}</m:e></m:nary>", "∑_(i=1)^n i"),
        (f"<m:rad><m:deg/><m:e>{m('x+1')}</m:e></m:rad>", "√(x+1)"),
        (f"<m:rad><m:deg>{m('3')}</m:deg><m:e>{m('x')}</m:e></m:rad>", "√(3&x)"),
        (f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=''/></m:dPr><m:e>{m('a')}</m:e><m:e>{m('b')}</m:e></m:d>", "[a|b"),
        (f"<m:func><m:fName>{m('sin')}</m:fName><m:e>{m('x')}</m:e></m:func>", "sin(x)"),
        (f"<m:acc><m:accPr><m:chr m:val='&#x303;'/></m:accPr><m:e>{m('x')}</m:e></m:acc>", "x\u0303"),
        (f"<m:limLow><m:e>{m('lim')}</m:e><m:lim>{m('n→∞')}</m:lim></m:limLow>{m('a')}", "lim_(n→∞) a"),
        (f"<m:m><m:mr><m:e>{m('1')}</m:e><m:e>{m('0')}</m:e></m:mr><m:mr><m:e>{m('0')}</m:e></m:mr></m:m>", "[1, 0; 0]"),
        (f"<m:eqArr><m:e>{m('a=1')}</m:e><m:e>{m('b=2')}</m:e></m:eqArr>", "a=1; b=2"),
        (m("𝐸=𝑚"), "E=m"),
    ],
)  # fmt: skip
def test_formulas_are_written_on_one_line(written: str, shown: str) -> None:
    assert math(written) == shown


def test_formulas_stand_apart_from_the_words_before_them() -> None:
    formula = f"<m:oMath>{m('x')}</m:oMath>"

    assert paragraph(f"{run('where')}{formula}{formula}{run(' (')}{formula}{run(').')}") == "where x x (x)."


def test_text_over_the_limit_is_too_large() -> None:
    assert reason(lambda: paragraph(run("word " * 30_000))) is ReasonCode.TOO_LARGE


def test_typed_bullets_make_list_items() -> None:
    body = f"<w:p>{run('• one')}</w:p><w:p>{run('•')}</w:p><w:p>{run('●  two')}</w:p>"

    assert blocks(parse_docx(io.BytesIO(word_file(body)), LIMITS)) == [
        (BlockKind.LIST_ITEM, "- one"), (BlockKind.LIST_ITEM, "- two"),
    ]  # fmt: skip
