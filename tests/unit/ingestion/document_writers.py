"""One document, written in every format that is read: headings, paragraphs, lists and tables of plain words."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

import docx
import openpyxl
from pptx import Presentation
from pptx.util import Inches

from tests.unit.ingestion.office_values import odt_file
from tests.unit.ingestion.outlook_files import msg
from tests.unit.ingestion.parsing_values import zipped


@dataclass(frozen=True, slots=True)
class Part:
    """`rows` are lines of words: one of a heading or paragraph, an item or a row each of lists and tables."""

    kind: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def lines(self) -> list[str]:
        return [" ".join(row) for row in self.rows]


Document = Sequence[Part]


def _joined(document: Document, write: dict[str, Callable[[Part], str]], between: str) -> str:
    return between.join(write[part.kind](part) for part in document)


def text(document: Document) -> bytes:
    return "\n\n".join("\n".join(part.lines) for part in document).encode()


def markdown(document: Document) -> bytes:
    return _joined(document, {
        "heading": lambda part: f"## {part.lines[0]}",
        "paragraph": lambda part: part.lines[0],
        "list": lambda part: "\n".join(f"- {line}" for line in part.lines),
        "table": lambda part: "\n".join(
            ["| " + " | ".join(part.rows[0]) + " |", "|---" * len(part.rows[0]) + "|"]
            + ["| " + " | ".join(row) + " |" for row in part.rows[1:]]
        ),
    }, "\n\n").encode()  # fmt: skip


def rst(document: Document) -> bytes:
    def table(part: Part) -> str:
        edge = " ".join("=" * 12 for _ in part.rows[0])
        head, *rest = (" ".join(word.ljust(12) for word in row) for row in part.rows)
        return "\n".join([edge, head, *([edge] if rest else []), *rest, edge])

    return _joined(document, {
        "heading": lambda part: f"{part.lines[0]}\n{'=' * len(part.lines[0])}",
        "paragraph": lambda part: part.lines[0],
        "list": lambda part: "\n".join(f"* {line}" for line in part.lines),
        "table": table,
    }, "\n\n").encode()  # fmt: skip


def html(document: Document) -> bytes:
    def tagged(tag: str, contents: Sequence[str]) -> str:
        return "".join(f"<{tag}>{content}</{tag}>" for content in contents)

    return _joined(document, {
        "heading": lambda part: tagged("h2", part.lines),
        "paragraph": lambda part: tagged("p", [f"<b>{row[0]}</b> {' '.join(row[1:])}" for row in part.rows]),
        "list": lambda part: tagged("ul", [tagged("li", part.lines)]),
        "table": lambda part: tagged("table", [tagged("tr", [tagged("td", row) for row in part.rows])]),
    }, "\n").encode()  # fmt: skip


def xml(document: Document) -> bytes:
    def tagged(tag: str, contents: Sequence[str]) -> str:
        return "".join(f"<{tag}>{content}</{tag}>" for content in contents)

    blocks = _joined(document, {
        "heading": lambda part: f"<section>{tagged('title', part.lines)}</section>",
        "paragraph": lambda part: tagged("para", [f"<emphasis>{row[0]}</emphasis> {' '.join(row[1:])}" for row in part.rows]),
        "list": lambda part: tagged("itemizedlist", [tagged("listitem", [tagged("para", [line]) for line in part.lines])]),
        "table": lambda part: tagged("informaltable", [tagged("row", [tagged("entry", row) for row in part.rows])]),
    }, "\n")  # fmt: skip
    return f"<?xml version='1.0'?><article>{blocks}</article>".encode()


def epub(document: Document) -> bytes:
    items = [f"c{number}" for number, _ in enumerate(document)]
    manifest = "".join(f'<item id="{i}" href="{i}.xhtml" media-type="application/xhtml+xml"/>' for i in items)
    spine = "".join(f'<itemref idref="{i}"/>' for i in items)
    chapters = {
        f"{i}.xhtml": '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'
        + html([part]).decode()
        + "</body></html>"
        for i, part in zip(items, document, strict=True)
    }
    return zipped({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
        "b.opf": f"<package><metadata/><manifest>{manifest}</manifest><spine>{spine}</spine></package>",
        **chapters,
    })  # fmt: skip


def csv(document: Document) -> bytes:
    return "\n".join(",".join(row) for part in document for row in part.rows).encode("utf-16")


def tsv(document: Document) -> bytes:
    return "\r\n".join("\t".join(f'"{word}"' for word in row) for part in document for row in part.rows).encode()


def json_value(document: Document) -> bytes:
    return json.dumps([{"part": [{"row": list(row)} for row in part.rows]} for part in document]).encode("utf-8-sig")


def json_lines(document: Document) -> bytes:
    return "\n".join(json.dumps({"lines": part.lines}) for part in document).encode()


def eml(document: Document) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = "A mail", "Ann <ann@example.com>"
    message.set_content("See what is attached.")
    for number, part in enumerate(document):
        message.add_attachment(markdown([part]), maintype="text", subtype="markdown", filename=f"{number}.md")
    return message.as_bytes()


def outlook(document: Document) -> bytes:
    return msg("A mail", "See what is attached.", {f"{n}.html": html([part]) for n, part in enumerate(document)})


def archive(document: Document) -> bytes:
    return zipped({f"{number}.html": html([part]) for number, part in enumerate(document)})


def rtf(document: Document) -> bytes:
    def row(words: Sequence[str]) -> str:
        return (
            "\\trowd" + "\\cellx1" * len(words) + "".join(f"\\pard\\intbl {word}\\cell" for word in words) + "\\row\n"
        )

    body = _joined(document, {
        "heading": lambda part: f"\\pard\\outlinelevel1 {part.lines[0]}\\par",
        "paragraph": lambda part: f"\\pard {part.lines[0]}\\par",
        "list": lambda part: "".join(f"{{\\listtext\\'b7\\tab}}{line}\\par\n" for line in part.lines),
        "table": lambda part: "".join(map(row, part.rows)) + "\\pard",
    }, "\n")  # fmt: skip
    return f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{{\\fonttbl{{\\f0 Arial;}}}}\n{body}}}".encode("ascii")


def odt(document: Document) -> bytes:
    def cell(word: str) -> str:
        return f"<table:table-cell><text:p>{word}</text:p></table:table-cell>"

    return odt_file(_joined(document, {
        "heading": lambda part: f'<text:h text:outline-level="2">{part.lines[0]}</text:h>',
        "paragraph": lambda part: f"<text:p><text:span>{part.lines[0]}</text:span></text:p>",
        "list": lambda part: "<text:list>"
        + "".join(f"<text:list-item><text:p>{line}</text:p></text:list-item>" for line in part.lines)
        + "</text:list>",
        "table": lambda part: "<table:table>"
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in part.rows)
        + "</table:table>",
    }, ""))  # fmt: skip


def word(document: Document) -> bytes:
    written = docx.Document()
    for part in document:
        if part.kind == "heading":
            written.add_heading(part.lines[0], 2)
        elif part.kind == "table":
            table = written.add_table(len(part.rows), len(part.rows[0]))
            for row, words in zip(table.rows, part.rows, strict=True):
                for cell, content in zip(row.cells, words, strict=True):
                    cell.text = content
        else:
            for line in part.lines:
                written.add_paragraph(line, style="List Bullet" if part.kind == "list" else None)
    return _saved(written)


def slides(document: Document) -> bytes:
    written = Presentation()
    place = (Inches(1), Inches(2), Inches(8), Inches(3))
    for part in document:
        slide = written.slides.add_slide(written.slide_layouts[5 if part.kind == "heading" else 6])
        if part.kind == "heading":
            slide.shapes.title.text = part.lines[0]
        elif part.kind == "table":
            table = slide.shapes.add_table(len(part.rows), len(part.rows[0]), *place).table
            for number, words in enumerate(part.rows):
                for column, content in enumerate(words):
                    table.cell(number, column).text = content
        else:
            slide.shapes.add_textbox(*place).text_frame.text = "\n".join(part.lines)
    return _saved(written)


def workbook(document: Document) -> bytes:
    written = openpyxl.Workbook()
    for part in document:
        for row in part.rows:
            written.active.append(row)
        written.active.append([])
    return _saved(written)


def _saved(written) -> bytes:
    buffer = io.BytesIO()
    written.save(buffer)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[Document], bytes]] = {
    "a.txt": text, "a.md": markdown, "a.rst": rst, "a.html": html, "a.xml": xml, "a.epub": epub, "a.csv": csv, "a.tsv": tsv,
    "a.json": json_value, "a.jsonl": json_lines, "a.eml": eml, "a.msg": outlook, "a.zip": archive, "a.rtf": rtf,
    "a.odt": odt, "a.docx": word, "a.pptx": slides, "a.xlsx": workbook,
}  # fmt: skip
