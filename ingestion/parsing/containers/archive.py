"""Looks at a ZIP container before anything in it is unpacked."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO

from ingestion.parsing.limits import ParsingLimits
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_RATIO_COUNTS_FROM = 2**20  # a small member may be as compressible as it likes
_ENCRYPTED_FLAG = 0x1
_LINK_MODE = 0o120000
_XML_ENDINGS = (".xml", ".rels")
_PROLOGUE_BYTES = 4096


UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, OSError, RuntimeError)
"""What the standard library raises over a broken archive, or one packed in a way it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What an archive would come to."""

    entries: int
    size_bytes: int


def check_archive(file: BinaryIO, limits: ParsingLimits, *, may_declare_types: bool = False) -> Unpacked:
    """Refuse bombs, links, names that lead outside, locked members and XML entities; `file` is left at its start.

    `may_declare_types`: XML members may have a document type, because whoever reads them expands no entities.

    Raises:
        DocumentRejected: ARCHIVE_BOMB, NEEDS_PASSWORD or DAMAGED.
    """
    members = _members(file)
    size_bytes = sum(member.file_size for member in members)
    if len(members) > limits.max_archive_entries:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"{len(members)} entries")
    if size_bytes > limits.max_unpacked_bytes:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "unpacks to more than the limit")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise DocumentRejected(ReasonCode.DAMAGED, "an entry occurs twice")
    for member in members:
        _check_member(member, limits)
    if not may_declare_types and _declares_entities(file, members):
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "an entry declares XML entities")
    return Unpacked(entries=len(members), size_bytes=size_bytes)


def _members(file: BinaryIO) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive directory") from exc
    finally:
        file.seek(0)


def _check_member(member: zipfile.ZipInfo, limits: ParsingLimits) -> None:
    if member.flag_bits & _ENCRYPTED_FLAG:
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted archive entry")
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = (member.external_attr >> 16) & 0o170000 == _LINK_MODE
    leads_away = path.is_absolute() or ".." in path.parts or PureWindowsPath(member.filename).drive
    if leads_away or is_link:
        raise DocumentRejected(ReasonCode.DAMAGED, "an entry points outside the archive")
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size > _RATIO_COUNTS_FROM and ratio > limits.max_archive_ratio:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"an entry unpacks to {ratio:.0f} times its size")


def _declares_entities(file: BinaryIO, members: list[zipfile.ZipInfo]) -> bool:
    # No editor writes a document type; whoever does wants its entities expanded or files of ours read.
    try:
        with zipfile.ZipFile(file) as archive:
            return any(_has_doctype(archive, member) for member in members if member.filename.endswith(_XML_ENDINGS))
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive entry") from exc
    finally:
        file.seek(0)


def _has_doctype(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as entry:
        return b"<!DOCTYPE" in entry.read(_PROLOGUE_BYTES).replace(b"\x00", b"")
