"""PPTX through python-pptx: a slide is a page, its title a heading, the speaker's notes come after what it shows."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from lxml.etree import LxmlError
from pptx import Presentation
from pptx.exc import PythonPptxError

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.archive import check_archive
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.comments import comment_text
from ingestion.parsing.office.pptx_shapes import SlideReader
from ingestion.parsing.office.xml_parts import xml_root
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

if TYPE_CHECKING:
    from pptx.slide import Slide

_EMPTY_TITLE: Final = "PowerPoint Presentation"  # what the programs' empty templates carry
_BROKEN = (
    PythonPptxError, LxmlError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, NotImplementedError,
    LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip


def parse_pptx(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the text of a presentation: slides in order, shapes as they are read, notes, comments."""
    check_archive(file, limits)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        presentation = Presentation(file)
        slides = list(presentation.slides)
        if len(slides) > limits.max_pages:
            raise DocumentRejected(ReasonCode.TOO_MANY_PAGES, f"{len(slides)} slides")
        authors = _authors(presentation)
        for number, slide in enumerate(slides, start=1):
            _add_slide(builder, slide, number)
            _add_comments(builder, slide, authors, number)
        title = presentation.core_properties.title
    except _BROKEN as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc
    return builder.build(title=title if title != _EMPTY_TITLE else None, page_count=len(slides))


def _add_slide(builder: CanonicalBuilder, slide: "Slide", number: int) -> None:
    if slide._element.get("show") == "0":  # noqa: SLF001  (the library does not tell)
        builder.warn("hidden slides were read too")
    SlideReader(builder, number).read(slide)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    for paragraph in notes.paragraphs if notes is not None else ():
        builder.add(paragraph.text, page=number)


def _add_comments(builder: CanonicalBuilder, slide: "Slide", authors: dict[str, str], page: int) -> None:
    for root in _related_roots(slide.part, "comments"):
        for comment in root.iter("{*}cm", "{*}reply"):
            old = comment.findtext("{*}text")
            new = "".join(run.text or "" for run in comment.iterfind("{*}txBody//{*}t"))
            builder.add(comment_text(old or new, author=authors.get(comment.get("authorId", ""), "")), page=page)


def _authors(presentation: Any) -> dict[str, str]:
    """Return the names of those who comment, by their id; the two kinds of comments keep them in parts of their own."""
    roots = _related_roots(presentation.part, "commentAuthors", "authors")
    return {
        author.get("id", ""): author.get("name", "")
        for root in roots
        for author in root.iter("{*}cmAuthor", "{*}author")
    }


def _related_roots(part: Any, *kinds: str) -> Iterator[Any]:
    for relation in part.rels.values():
        if not relation.is_external and relation.reltype.rsplit("/", 1)[-1] in kinds:
            root = xml_root(relation.target_part.blob)
            if root is not None:
                yield root
