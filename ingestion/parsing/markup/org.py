"""Org mode, read as the HTML that the program pandoc makes of it."""

import subprocess
from typing import BinaryIO

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html import add_markup
from ingestion.parsing.programs import ORG_TO_HTML, die_with_the_parser
from ingestion.parsing.text import add_paragraphs, read_limited
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_AS_TEXT = "pandoc is not installed: it was read as plain text"


def parse_org(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the text of an Org file, marks and all where there is no pandoc; included files are left out."""
    text, warnings = decode(read_limited(file, limits))
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    if limits.pandoc_program:
        add_markup(builder, _html(text.removeprefix("\ufeff"), limits))
    else:
        builder.warn(_AS_TEXT)
        add_paragraphs(builder, text)
    return builder.build()


def _html(text: str, limits: ParsingLimits) -> str:
    command = [limits.pandoc_program, *ORG_TO_HTML]
    try:
        done = subprocess.run(  # noqa: S603  (the operator's program, and nothing of the file in its arguments)
            command,
            input=text.encode(errors="replace"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.timeout_s,
            check=True,
            preexec_fn=die_with_the_parser,  # this process has one thread
        )
    except subprocess.TimeoutExpired as exc:
        raise DocumentRejected(ReasonCode.PARSER_TIMEOUT, "pandoc") from exc
    except (subprocess.SubprocessError, OSError) as exc:
        raise DocumentRejected(ReasonCode.PARSER_CRASHED, "pandoc") from exc
    return done.stdout.decode(errors="replace")
