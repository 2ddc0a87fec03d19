"""What the tests of office files share."""

import io
import random
import zipfile
from collections.abc import Callable

import pytest

from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

LIMITS = ParsingLimits(max_text_chars=100_000, max_pages=3)


def blocks(document: ParsedDocument) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.span.of(document.text)) for block in document.blocks]


def reason(parse: Callable[[], object]) -> ReasonCode:
    with pytest.raises(DocumentRejected) as caught:
        parse()
    return caught.value.reason


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


WORD_SPACES = " ".join(
    f'xmlns:{prefix}="{name}"'
    for prefix, name in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "v": "urn:schemas-microsoft-com:vml",
    }.items()
)


def word_file(body: str, **parts: str) -> bytes:
    """Return a Word file; `parts` are the contents of parts such as `styles`, by what they are to the document.

    A name such as `afChunk_html` is of a part `afChunk.html`, any other one of an XML part.
    """
    named = {kind: kind.replace("_", ".") if "_" in kind else f"{kind}.xml" for kind in parts}
    relations = "".join(
        f'<R Id="{kind}" Type="t/{kind.partition("_")[0]}" Target="{name}"/>' for kind, name in named.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document {WORD_SPACES}><w:body>{body}</w:body></w:document>")
        archive.writestr("word/_rels/document.xml.rels", f"<R>{relations.replace('<R ', '<Relationship ')}</R>")
        for kind, name in named.items():
            content = parts[kind]
            archive.writestr(
                f"word/{name}", content if "_" in kind else f"<w:{kind} {WORD_SPACES}>{content}</w:{kind}>"
            )
    return buffer.getvalue()
