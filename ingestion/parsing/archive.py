"""Looks at a ZIP container before anything in it is unpacked."""

import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO

from ingestion.parsing.limits import ParsingLimits
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_RATIO_COUNTS_FROM = 2**20  # a small member may be as compressible as it likes
_ENCRYPTED_FLAG = 0x1
_LINK_MODE = 0o120000
_XML_ENDINGS = (".xml", ".rels")
_PROLOGUE_BYTES = 4096


def check_archive(file: BinaryIO, limits: ParsingLimits) -> None:
    """Refuse bombs, links, names that lead outside, locked members and XML entities; `file` is left at its start.

    Raises:
        DocumentRejected: ARCHIVE_BOMB, NEEDS_PASSWORD or DAMAGED.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive directory") from exc
    finally:
        file.seek(0)
    if len(members) > limits.max_archive_entries:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"{len(members)} entries")
    if sum(member.file_size for member in members) > limits.max_unpacked_bytes:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "unpacks to more than the limit")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise DocumentRejected(ReasonCode.DAMAGED, "an entry occurs twice")
    for member in members:
        _check_member(member, limits)
    if _declares_entities(file, members):
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "an entry declares XML entities")


def _check_member(member: zipfile.ZipInfo, limits: ParsingLimits) -> None:
    if member.flag_bits & _ENCRYPTED_FLAG:
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted archive entry")
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = (member.external_attr >> 16) & 0o170000 == _LINK_MODE
    if path.is_absolute() or ".." in path.parts or is_link or ":" in path.parts[:1]:
        raise DocumentRejected(ReasonCode.DAMAGED, "an entry points outside the archive")
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size > _RATIO_COUNTS_FROM and ratio > limits.max_archive_ratio:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"an entry unpacks to {ratio:.0f} times its size")


def _declares_entities(file: BinaryIO, members: list[zipfile.ZipInfo]) -> bool:
    # No editor writes a document type; whoever does wants its entities expanded or files of ours read.
    try:
        with zipfile.ZipFile(file) as archive:
            return any(_has_doctype(archive, member) for member in members if member.filename.endswith(_XML_ENDINGS))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive entry") from exc
    finally:
        file.seek(0)


def _has_doctype(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as entry:
        return b"<!DOCTYPE" in entry.read(_PROLOGUE_BYTES).replace(b"\x00", b"")
