"""Mails as Outlook saves them."""

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from ingestion.parsing.containers.mail import Attachment, Body, Mail, parsed_mail
from ingestion.parsing.containers.members import ReadMember
from ingestion.parsing.decoding import declared_charset, decode, known_charset
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

if TYPE_CHECKING:
    from oxmsg import Message

_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError, struct.error)
_HTML, _TO, _CC = 0x1013, 0x0E04, 0x0E03
_SHOWN_NAME, _SHORT_NAME, _METHOD = 0x3001, 0x3704, 0x3705
_EMBEDDED_MAIL = 5
_SIGNED = "IPM.Note.SMIME.MultipartSigned"
_SEALED = "IPM.Note.SMIME"
_ENCRYPTED = "application/pgp-encrypted"


def parse_msg(file: BinaryIO, limits: ParsingLimits, read: ReadMember | None) -> ParsedDocument:
    """Return a mail with its attachments; a mail within it is named and not read."""
    from oxmsg import Message  # noqa: PLC0415  (few files need it)

    try:
        mail = _mail(Message.load(file))
    except RecursionError as exc:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "storages inside storages without end") from exc
    except _BROKEN as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc
    return parsed_mail(mail, limits, read)


def _mail(message: "Message") -> Mail:
    kind = message.message_class
    if kind.startswith(_SEALED) and not kind.startswith(_SIGNED):
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted mail")
    headers = message.message_headers
    files, warnings = _attachments(message)
    return Mail(
        subject=message.subject,
        lines=(
            ("From", message.sender or ""),
            ("To", headers.get("To") or _text(message, _TO)),
            ("Cc", headers.get("Cc") or _text(message, _CC)),
            ("Date", headers.get("Date") or str(message.sent_date or "")),
        ),
        bodies=(Body(plain=message.body or "", html=_html(message)),),
        attachments=files,
        warnings=tuple(warnings),
    )


def _text(part: Any, property_id: int) -> str:
    return str(part.properties.str_prop_value(property_id) or "")


def _html(message: "Message") -> str:
    content = message.properties.binary_prop_value(_HTML)
    if not content:
        return message.html_body or ""
    return decode(content, declared=declared_charset(content) or known_charset(message.properties.body_encoding))[0]


def _attachments(message: "Message") -> tuple[list[Attachment], list[str]]:
    """Return the attached files, and warnings about the attached mails, which the library does not open."""
    files, warnings = [], []
    for number, part in enumerate(message.attachments, start=1):
        name = part.file_name or _text(part, _SHORT_NAME) or _text(part, _SHOWN_NAME) or f"attachment {number}"
        if part.mime_type == _ENCRYPTED:
            raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted mail")
        if part.properties.int_prop_value(_METHOD) == _EMBEDDED_MAIL:
            warnings.append(f"{name} was not read: a mail inside a mail of Outlook is not opened")
        else:
            files.append(Attachment(name=name, media_type=part.mime_type or "", content=part.file_bytes or b""))
    return files, warnings
