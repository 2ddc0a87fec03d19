"""Cuts a parsed document into chunks along its headings, with exact offsets."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingestion.chunking.packing import CountTokens
from ingestion.chunking.sections import Section, sections_of
from ingestion.chunking.splitting import split
from ingestion.chunking.table_headers import TableHeaders
from ingestion.chunking.table_places import TablePlaces
from rag_service.domain.chunk_room import room_within
from rag_service.domain.documents import (
    Block,
    BlockKind,
    Chunk,
    ParsedDocument,
    embedded_text,
)
from rag_service.domain.fingerprints import CHUNKER_NAME, ChunkerFingerprint
from rag_service.domain.ids import DocumentId, Fingerprint, chunk_id
from rag_service.domain.spans import Span, sha256_of
from rag_service.settings import ChunkingSettings

_TINY_SHARE = 0.25  # of the target: a section below it joins its neighbour
_HALVES = 2
_STEPS_TO_EVEN = 16
_WHOLE = (BlockKind.TABLE, BlockKind.CODE)


@dataclass(frozen=True, slots=True)
class _Piece:
    span: Span
    headings: tuple[str, ...]

    def holds(self, span: Span) -> bool:
        """Say whether all of `span` is in the piece."""
        return self.span.start <= span.start and span.end <= self.span.end


class Chunker:
    """Small neighbouring sections share a chunk, long ones are cut at blocks, then at sentences."""

    def __init__(self, *, settings: ChunkingSettings, count_tokens: CountTokens, max_tokens: int) -> None:
        self._settings = settings
        self._count_tokens = count_tokens
        self._room = room_within(settings.target_tokens, max_tokens=max_tokens, count_tokens=count_tokens)
        self._target, self._count = self._room.target, self._room.count

    @property
    def fingerprint(self) -> ChunkerFingerprint:
        """What decides where this chunker cuts."""
        return ChunkerFingerprint(
            name=CHUNKER_NAME,
            target_tokens=self._settings.target_tokens,
            overlap_tokens=self._settings.overlap_tokens,
            heading_prefix=self._settings.heading_prefix,
        )

    def chunks(
        self, document: ParsedDocument, *, build: Fingerprint, document_id: DocumentId, revision: int
    ) -> list[Chunk]:
        """Return the chunks in reading order.

        Every visible character is in a chunk's text or in the headings of one; a chunk with its headings
        fits into the model.
        """
        chunks = []
        places = TablePlaces(document)
        for ordinal, piece in enumerate(self._pieces(document)):
            text = piece.span.of(document.text)
            embedded = embedded_text(piece.headings, text)
            chunks.append(
                Chunk(
                    id=chunk_id(build, document_id, revision, ordinal),
                    document_id=document_id,
                    revision=revision,
                    ordinal=ordinal,
                    span=piece.span,
                    text=text,
                    headings=piece.headings,
                    page_starts=_page_starts(document.blocks, piece.span),
                    token_count=self._count_tokens(embedded),
                    embedded_sha256=sha256_of(embedded),
                    table_rows=places.within(piece.span),
                )
            )
        return chunks

    def _pieces(self, document: ParsedDocument) -> Iterator[_Piece]:
        text = document.text
        named: set[Span] = set()  # headings that stand in some chunk
        for group in self._groups(text, self._sections(document)):
            blocks = [block for section in group for block in section.blocks]
            path = _common_path(group) if self._settings.heading_prefix else ()
            if all(block.span in path for block in blocks):
                path = path[:-1]  # a heading with nothing under it is text
            kept, headings = self._fitting(text, path)
            blocks = [block for block in blocks if block.span not in kept]
            shown = {*named, *kept, *(block.span for block in blocks)}
            budget = self._target - self._room.taken_by(headings)
            headers = self._headers(text, blocks, headings)
            spans = self._evened(text, blocks, budget, headers)
            pieces = [piece for span in spans for piece in self._fit(text, span, headings, headers)]
            # A heading that found no room above any text, or stands above one section of the group only and not between
            # two of its blocks, becomes a chunk itself, so that nothing is lost.
            above = dict.fromkeys(span for section in group for span in section.path)
            lost = [span for span in above if span not in shown and not any(piece.holds(span) for piece in pieces)]
            pieces += [_Piece(part, ()) for span in lost for part in self._split(text, span, self._target)]
            named = {*shown, *above}
            yield from sorted(pieces, key=lambda piece: piece.span.start)

    def _sections(self, document: ParsedDocument) -> list[Section]:
        sections = sections_of(document)
        if not self._settings.heading_prefix:
            return sections
        # A heading with nothing but sections under it is in their paths.
        after: list[Section | None] = [*sections[1:], None]
        return [one for one, following in zip(sections, after, strict=True) if not _only_holds(one, following)]

    def _groups(self, text: str, sections: Sequence[Section]) -> Iterator[list[Section]]:
        group: list[Section] = []
        size = 0
        for section in sections:
            tokens = sum(self._count(block.span.of(text)) for block in section.blocks)
            tiny = min(size, tokens) < _TINY_SHARE * self._target
            if group and tiny and size + tokens <= self._target and _are_near(group[0], section):
                group.append(section)
                size += tokens
            else:
                if group:
                    yield group
                group, size = [section], tokens
        if group:
            yield group

    def _fitting(self, text: str, path: Sequence[Span]) -> tuple[tuple[Span, ...], tuple[str, ...]]:
        """Drop outer headings until the path leaves room for the text."""
        kept = tuple(path)
        while kept:
            headings = tuple(span.of(text) for span in kept)
            if self._room.taken_by(headings) <= self._room.for_headings:
                return kept, headings
            kept = kept[1:]
        return (), ()

    def _headers(self, text: str, blocks: Sequence[Block], headings: tuple[str, ...]) -> TableHeaders:
        """Return the first rows that later parts of tables repeat; none when texts are embedded without headings."""
        tables = blocks if self._settings.heading_prefix else ()
        return TableHeaders(text, tables, headings, self._count, self._room.for_headings)

    def _evened(self, text: str, blocks: Sequence[Block], budget: int, headers: TableHeaders) -> list[Span]:
        """Pack the blocks, the last two spans to about the same size.

        A short remainder matches questions too well: evened ends were worth 0.02 nDCG@10 of the dense side.
        Only the last two change, so that text added at the end leaves the chunks before it as they are.
        """
        *before, last = self._packed(text, blocks, budget, headers)
        if not before or self._settings.overlap_tokens:
            return [*before, last]
        *before, first = before
        both = _clipped(blocks, Span(first.start, last.end))
        size = (self._count(first.of(text)) + self._count(last.of(text)) + 1) // 2
        for smaller in range(size, budget, max(1, budget // _STEPS_TO_EVEN)):
            halves = list(self._packed(text, both, smaller, headers))
            if len(halves) <= _HALVES:
                return [*before, *halves]
        return [*before, first, last]

    def _packed(self, text: str, blocks: Sequence[Block], budget: int, headers: TableHeaders) -> Iterator[Span]:
        """Yield spans of whole neighbouring blocks; a block over the budget is split on its own."""
        start, end = blocks[0].span.start, blocks[0].span.start
        for block in blocks:
            if self._count(Span(start, block.span.end).of(text)) <= budget - headers.tokens_at(start):
                end = block.span.end
                continue
            if end > start:
                yield Span(start, end)
            start, end = block.span.start, block.span.end
            if self._count(block.span.of(text)) > budget - headers.tokens_at(start):
                *parts, last = self._split_block(text, block, budget, headers)
                yield from parts
                start, end = last.start, last.end
        if end > start:
            yield Span(start, end)

    def _split_block(self, text: str, block: Block, budget: int, headers: TableHeaders) -> list[Span]:
        if block.kind not in _WHOLE:
            return self._split(text, block.span, budget)
        # Rows and lines of code are the sentences of tables and code.
        parts: list[Span] = []
        for line in _lines(text, block.span):
            start = parts[-1].start if parts else line.start
            if parts and self._count(Span(start, line.end).of(text)) <= budget - headers.tokens_at(start):
                parts[-1] = Span(start, line.end)
            elif self._count(line.of(text)) <= budget:
                parts.append(line)
            else:
                parts += self._split(text, line, budget)
        return parts or self._split(text, block.span, budget)

    def _split(self, text: str, span: Span, budget: int) -> list[Span]:
        overlap = self._settings.overlap_tokens
        return split(text, span, budget=max(1, budget), overlap=overlap, count_tokens=self._count) or [span]

    def _fit(self, text: str, span: Span, headings: tuple[str, ...], headers: TableHeaders) -> Iterator[_Piece]:
        """Yield the span, or halves of it: tokens of headings and text together can be more than their sum."""
        # A row so long that it leaves no room for the first one goes without it rather than being cut.
        for shown in (headers.at(span.start), headings):
            if self._count(embedded_text(shown, span.of(text))) <= self._target:
                yield _Piece(span, shown)
                return
        budget = self._count(span.of(text))
        parts = self._split(text, span, max(1, budget // 2))
        if len(parts) == 1:
            yield _Piece(parts[0], headings)
            return
        for part in parts:
            yield from self._fit(text, part, headings, headers)


def _clipped(blocks: Sequence[Block], span: Span) -> list[Block]:
    """Return the parts of the blocks that lie in the span."""
    return [
        replace(block, span=Span(max(block.span.start, span.start), min(block.span.end, span.end)))
        for block in blocks
        if block.span.end > span.start and block.span.start < span.end
    ]


def _common_path(group: Sequence[Section]) -> tuple[Span, ...]:
    path = group[0].path
    for section in group[1:]:
        shared = [mine == theirs for mine, theirs in zip(path, section.path, strict=False)]
        path = path[: shared.index(False) if False in shared else len(shared)]
    return path


def _are_near(first: Section, section: Section) -> bool:
    """Say whether two sections are siblings, or one holds the other."""
    shared = len(_common_path([first, section]))
    return shared >= min(len(first.path), len(section.path)) - 1 and abs(len(first.path) - len(section.path)) <= 1


def _only_holds(section: Section, following: Section | None) -> bool:
    if section.body or following is None:
        return False
    return len(following.path) > len(section.path) and following.path[: len(section.path)] == section.path


def _lines(text: str, span: Span) -> Iterator[Span]:
    start = span.start
    for line in span.of(text).split("\n"):
        if line.strip():
            yield Span(start, start + len(line))
        start += len(line) + 1


def _page_starts(blocks: Sequence[Block], span: Span) -> tuple[tuple[int, int], ...]:
    starts: list[tuple[int, int]] = []
    first = bisect_right(blocks, span.start, key=lambda block: block.span.end)
    last = bisect_left(blocks, span.end, key=lambda block: block.span.start)
    for block in blocks[first:last]:
        if block.page is not None and (not starts or starts[-1][1] != block.page):
            starts.append((max(block.span.start, span.start), block.page))
    return tuple(starts)
