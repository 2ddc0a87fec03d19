"""ZIP archives of documents: one document with a section per member. Nothing is written to disk."""

import zipfile
from dataclasses import replace
from typing import BinaryIO

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.archive import UNREADABLE, check_archive
from ingestion.parsing.containers.members import Members, ReadMember, is_junk
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_UTF8_FLAG = 0x800


def parse_zip(file: BinaryIO, limits: ParsingLimits, read: ReadMember | None) -> ParsedDocument:
    """Return the members that can be read, in the order of the archive; the others are named in warnings.

    The members lie one level down: the path of each is a heading.

    Raises:
        DocumentRejected: no member can be read, or a limit is passed.
    """
    if read is None:
        raise DocumentRejected(ReasonCode.UNSUPPORTED_TYPE, "an archive inside another file")
    unpacked = check_archive(file, limits, may_declare_types=True)
    left = replace(
        limits,
        max_archive_entries=limits.max_archive_entries - unpacked.entries,
        max_unpacked_bytes=limits.max_unpacked_bytes - unpacked.size_bytes,
    )
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    members = Members(builder, left, read)
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.is_dir() and not is_junk(member.filename):
                _add(members, archive, member)
    members.close()
    return builder.build(named_by_heading=False)


def _add(members: Members, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    name = _name(member)
    try:
        content = archive.read(member)
    except UNREADABLE as exc:
        members.refuse(name, f"{ReasonCode.DAMAGED.value}: {type(exc).__name__}")
        return
    members.add(name, content, level=1)


def _name(member: zipfile.ZipInfo) -> str:
    """Return the member's path; many programs write UTF-8 without saying so."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename
