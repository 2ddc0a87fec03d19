"""Reading files in this process: what they say is the tests' own, so no child has to be started for them."""

from collections.abc import Sequence
from io import BytesIO

from ingestion.parsing.isolation.sandbox import Outcome, RawFile
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages
from ingestion.parsing.read import read_document
from rag_service.domain.documents import ParsedDocument


async def read_here(files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
    """Read files as the parser's child would."""
    return [_read(file) for file in files]


def _read(file: RawFile) -> ParsedDocument:
    assert isinstance(file.content, bytes)
    return read_document(BytesIO(file.content), file.filename, ParsingLimits())
