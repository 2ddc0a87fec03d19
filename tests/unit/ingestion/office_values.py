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
