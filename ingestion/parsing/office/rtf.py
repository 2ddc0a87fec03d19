"""RTF, read group by group: headings by outline level, lists, tables, notes in their place, any code page."""

from typing import BinaryIO, Final

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.rtf_blocks import RtfBlocks
from ingestion.parsing.office.rtf_groups import CHANGES, DESTINATIONS, Groups
from ingestion.parsing.office.rtf_tables import TABLE_WORDS, Tables
from ingestion.parsing.office.rtf_tokens import CLOSE, OPEN, Token, tokens
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_CHARS: Final = {
    "line": "\n", "column": "\n", "tab": "\t", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ",
    "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "nestcell": " ", "nestrow": " ",
    "~": "\u00a0", "_": "\u2011", "{": "{", "}": "}", "\\": "\\",
}  # fmt: skip
_PARAGRAPH_ENDS: Final = frozenset({"par", "sect", "page", "\n", "\r"})
_MEANT: Final = frozenset({"u", "cell", "row", *_CHARS, *_PARAGRAPH_ENDS, *DESTINATIONS, *CHANGES, *TABLE_WORDS})


def parse_rtf(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the text of an RTF file; headers, footers and hidden text stay out."""
    content = read_limited(file, limits)
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise DocumentRejected(ReasonCode.DAMAGED, "no RTF header")
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    reader = _Reader(RtfBlocks(builder, limits))
    if not reader.read(content):
        builder.warn("the file ends early")
    return builder.build(title=reader.groups.title)


class _Reader:
    """Turns bytes and numbers into text of the group at hand, and the words of the format into blocks."""

    def __init__(self, blocks: RtfBlocks) -> None:
        self._blocks = blocks
        self._tables = Tables()
        self.groups = Groups(blocks, self._tables)
        self._bytes = bytearray()
        self._units: list[str] = []  # of UTF-16: characters beyond the first plane come in two
        self._to_skip = 0  # characters for programs that know no Unicode
        self._starred = False

    def read(self, content: bytes) -> bool:
        """Read all; say whether every group was closed."""
        for token in tokens(content):
            if token is OPEN or token is CLOSE:
                self._flush()
                self._to_skip, self._starred = 0, False
                self.groups.open() if token is OPEN else self.groups.close()
                if not self.groups.depth:
                    break
            elif self.groups.state.is_skipped:
                continue
            elif token.content:
                self._take(token.content)
            elif self._starred or self._to_skip or token.word in _MEANT:
                self._obey(token)
            else:
                # Most words are of how the text looks; they are passed over at once.
                self._starred = token.word == "*"
        self._flush()
        closed = not self.groups.depth
        while self.groups.depth:
            self.groups.close()
        self._blocks.end()
        return closed

    def _take(self, content: bytes) -> None:
        skipped = min(self._to_skip, len(content))
        self._to_skip -= skipped
        if skipped < len(content) and self.groups.is_heard:
            self._flush_units()
            self._bytes += content[skipped:]

    def _obey(self, token: Token) -> None:
        word, number = token.word, token.number
        if word == "u" and number is not None:
            self._flush_bytes()
            if self.groups.is_heard:
                self._units.append(chr(number % 2**16))
            self._to_skip = self.groups.state.fallback_chars
        elif self._to_skip:
            self._to_skip -= 1
        else:
            self._flush()
            starred, self._starred = self._starred, False
            if not self.groups.enter(word, starred=starred):
                self._format(word, number)

    def _format(self, word: str, number: int | None) -> None:
        self._tables.note(word, number, self.groups.reading)
        self.groups.change(word, number)
        if word in _CHARS:
            self.groups.write(_CHARS[word])
        elif not self.groups.is_heard:
            return
        elif self.groups.reading:
            self.groups.write(" " if word in _PARAGRAPH_ENDS else "")
        elif word in _PARAGRAPH_ENDS:
            self._blocks.end_paragraph(self.groups.state.level, in_table=self.groups.state.in_table)
        elif word == "cell":
            self._blocks.end_cell()
        elif word == "row":
            self._blocks.end_row()

    def _flush(self) -> None:
        self._flush_bytes()
        self._flush_units()

    def _flush_bytes(self) -> None:
        if self._bytes:
            page = self.groups.state.page or self._tables.page_of_font(None)
            self.groups.write(self._bytes.decode(page, errors="replace"))
            self._bytes.clear()

    def _flush_units(self) -> None:
        if self._units:
            units = "".join(self._units).encode("utf-16-le", errors="surrogatepass")
            self.groups.write(units.decode("utf-16-le", errors="replace"))
            self._units.clear()
