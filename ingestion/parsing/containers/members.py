"""Files inside a file: the members of an archive and the attachments of a mail, each a section of one document."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.cleaning import clean, flow
from ingestion.parsing.containers.archive import check_archive
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

ReadMember = Callable[[BinaryIO, str, ParsingLimits], ParsedDocument]
"""Reads one file inside another."""

_ZIP = b"PK\x03\x04"
_MOST_NAMED = 50
_NAME_CHARS = 300
_OF_THE_WHOLE = frozenset({ReasonCode.TOO_LARGE, ReasonCode.TOO_MANY_PAGES})
_JUNK_FOLDERS = frozenset({"__MACOSX", ".git", ".svn"})
_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".localized"})


def is_junk(path: str) -> bool:
    """Say whether an operating system or an editor left this, and nobody means to have it read."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    name = parts[-1] if parts else ""
    left_by_a_program = name.lower() in _JUNK or name.startswith(("._", "~$"))
    return left_by_a_program or not _JUNK_FOLDERS.isdisjoint(parts)


class Members:
    """Adds files to the document that holds them; what cannot be read is named in a warning.

    The limits hold over the sum of all. `read` is None where files inside files are not opened any more.
    """

    def __init__(self, builder: CanonicalBuilder, limits: ParsingLimits, read: ReadMember | None) -> None:
        self._builder = builder
        self._limits = limits
        self._read = read
        self._unread = 0

    def add(self, name: str, content: bytes, *, level: int, reads_as: str | None = None) -> None:
        """Add a section of the file `content` under the heading `name`; its kind is that of `reads_as` if given.

        Raises:
            DocumentRejected: the whole is over a limit.
        """
        read = self._read
        if read is None:
            self.refuse(name, "a file inside a file inside a file is not opened")
            return
        self.add_read(name, lambda limits: read(io.BytesIO(content), reads_as or name, limits), level=level)
        if content.startswith(_ZIP):
            self._take(content)

    def add_read(self, name: str, read: Callable[[ParsingLimits], ParsedDocument], *, level: int) -> None:
        """Add a section of what `read` returns, under the heading `name`.

        Raises:
            DocumentRejected: the whole is over a limit.
        """
        name = _shown(name)
        left = replace(self._limits, max_text_chars=max(0, self._limits.max_text_chars - self._builder.length))
        try:
            document = read(left)
        except DocumentRejected as exc:
            if exc.reason in _OF_THE_WHOLE:
                raise
            self.refuse(name, f"{exc.reason.value}: {exc.detail}" if exc.detail else exc.reason.value)
            return
        pages = document.page_count or 0
        self._limits = replace(self._limits, max_pages=self._limits.max_pages - pages)
        if _begins_with(document, name):  # as a forwarded mail does with its subject
            self._builder.include(document, under=level - 1, name=name)
        else:
            self._builder.add(name, BlockKind.HEADING, level=level)
            self._builder.include(document, under=level, name=name)

    def refuse(self, name: str, why: str) -> None:
        """Note that a file was not read."""
        self._unread += 1
        if self._unread <= _MOST_NAMED:
            self._builder.warn(f"{_shown(name)} was not read: {why}")

    def close(self) -> None:
        """Note how many more were not read than are named."""
        if self._unread > _MOST_NAMED:
            self._builder.warn(f"{self._unread - _MOST_NAMED} more were not read")

    def _take(self, content: bytes) -> None:
        """Take what a container came to off the limits of those after it."""
        try:
            unpacked = check_archive(io.BytesIO(content), self._limits, may_declare_types=True)
        except DocumentRejected:
            return  # nor was it unpacked
        self._limits = replace(
            self._limits,
            max_archive_entries=self._limits.max_archive_entries - unpacked.entries,
            max_unpacked_bytes=self._limits.max_unpacked_bytes - unpacked.size_bytes,
        )


def _begins_with(document: ParsedDocument, name: str) -> bool:
    first = document.blocks[0]
    return first.kind is BlockKind.HEADING and first.span.of(document.text) == name


def _shown(name: str) -> str:
    return flow(clean(name)).replace("\n", " ")[:_NAME_CHARS] or "without a name"
