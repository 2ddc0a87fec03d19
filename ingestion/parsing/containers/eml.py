"""Mails in the format of the internet, read by the standard library."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from functools import partial
from typing import Any, BinaryIO

from ingestion.parsing.containers.eml_headers import MALFORMED, Headers, can_parse
from ingestion.parsing.containers.mail import Attachment, Body, Mail, parsed_mail
from ingestion.parsing.containers.members import ReadMember
from ingestion.parsing.decoding import decode, known_charset
from ingestion.parsing.limits import ParsingLimits
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_MULTIPART = re.compile(rb"^content-type[ \t]*:\s*multipart/", re.IGNORECASE | re.MULTILINE)
_MOST_QUESTIONS = 30_000_000
_SHOWN = ("From", "To", "Cc", "Date")
_HEAD_BYTES = 64  # of a file, enough to tell UTF-16 from bytes
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


def parse_eml(file: BinaryIO, limits: ParsingLimits, read: ReadMember | None) -> ParsedDocument:
    """Return a mail with its attachments; plain text is preferred to HTML that says the same."""
    content = _narrow(file.read()).lstrip(b"\r\n")
    # Of each line the library asks whether it ends one of the multiparts that are open.
    if content.count(b"\n") * len(_MULTIPART.findall(content)) > _MOST_QUESTIONS:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "parts inside parts without end")
    policy = email.policy.default.clone(
        header_factory=Headers(), message_factory=_NewPart(2 * limits.max_archive_entries)
    )
    try:
        message = email.message_from_bytes(content, policy=policy)
        if content.strip() and not message.keys():
            raise DocumentRejected(ReasonCode.DAMAGED, "no mail headers")
        mail = _mail(message, limits.max_archive_entries)
    except RecursionError as exc:
        raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "parts inside parts without end") from exc
    return parsed_mail(mail, limits, read)


class _NewPart:
    """Makes the parts of a mail, and refuses one of thousands before it is read to its end."""

    def __init__(self, most_parts: int) -> None:
        self._left = most_parts

    def __call__(self, policy: Any) -> EmailMessage:
        self._left -= 1
        if self._left < 0:
            raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, "thousands of parts")
        return EmailMessage(policy)


def _narrow(content: bytes) -> bytes:
    """Return a mail that somebody saved as UTF-16 or with a byte order mark in the encoding of mails."""
    is_wide = b"\x00" in content[:_HEAD_BYTES] or content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
    return decode(content)[0].encode("utf-8", errors="replace") if is_wide else content


@dataclass(slots=True)
class _Alternatives:
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)


class _Parts:
    """Sorts the parts of a mail without recursion: what is said, in order, and what is attached."""

    def __init__(self, most_parts: int) -> None:
        self._most_parts = most_parts
        self.said: list[_Alternatives] = []
        self.attached: list[Message] = []
        self.warnings: list[str] = []

    def sort(self, message: Message) -> None:
        left: list[tuple[Message, _Alternatives | None]] = [(message, None)]
        seen = 0
        while left:
            part, alternatives = left.pop()
            seen += 1
            if seen > 2 * self._most_parts:
                raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"more than {self._most_parts} parts")
            kind = _content_type(part)
            _refuse_sealed(part, kind)
            if kind.startswith("multipart/") and part.is_multipart():
                alternatives = self._new() if kind == "multipart/alternative" and not alternatives else alternatives
                left += [(child, alternatives) for child in reversed(_children(part))]
            else:
                self._leaf(part, kind, alternatives)

    def _leaf(self, part: Message, kind: str, alternatives: _Alternatives | None) -> None:
        is_file = bool(_filename(part)) or _disposition(part) == "attachment"
        if kind == "message/delivery-status" and part.is_multipart():
            self._new().plain.append(_report(part))
        elif kind in ("text/plain", "text/html") and not is_file:
            text = self._text(part)
            alternatives = alternatives or self._new()
            (alternatives.plain if kind == "text/plain" else alternatives.html).append(text)
        elif kind not in _SIGNATURES and not _is_decoration(part, kind) and not (alternatives and not is_file):
            self.attached.append(part)

    def _new(self) -> _Alternatives:
        self.said.append(_Alternatives())
        return self.said[-1]

    def _text(self, part: Message) -> str:
        text, warnings = decode(_payload(part), declared=known_charset(_of(part.get_content_charset) or ""))
        self.warnings += [warning for warning in warnings if "replaced" in warning]
        return text


def _mail(message: Message, most_parts: int) -> Mail:
    parts = _Parts(most_parts)
    parts.sort(message)
    return Mail(
        subject=_header(message, "Subject"),
        lines=tuple((name, _header(message, name)) for name in _SHOWN),
        bodies=tuple(Body(plain="\n\n".join(one.plain), html="\n".join(one.html)) for one in parts.said),
        attachments=_attachments(parts.attached, most_parts),
        warnings=tuple(parts.warnings),
    )


def _attachments(parts: list[Message], most_parts: int) -> Iterator[Attachment]:
    for number, part in enumerate(parts, start=1):
        kind, name = _content_type(part), _filename(part)
        children = _children(part) if kind == "message/rfc822" else []
        if children:
            subject = _header(children[0], "Subject")
            yield Attachment(
                name=name or subject or f"mail {number}", open_mail=partial(_mail, children[0], most_parts)
            )
        else:
            yield Attachment(name=name or f"attachment {number}", media_type=kind, content=_payload(part))


def _header(message: Message, name: str) -> str:
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    if not raw.isascii():
        # Bytes as they came: many programs write UTF-8 without saying so.
        return decode(raw.encode("utf-8", errors="surrogateescape"))[0]
    return _of(lambda: str(message[name] or "")) or raw if can_parse(message, raw) else raw


def _of(ask: Any) -> Any:
    """Return what `ask` returns, None when a malformed header stops it."""
    try:
        return ask()
    except MALFORMED:
        return None


def _content_type(part: Message) -> str:
    return str(_of(part.get_content_type) or "text/plain")


def _disposition(part: Message) -> str:
    return str(_of(part.get_content_disposition) or "")


def _filename(part: Message) -> str:
    return str(_of(part.get_filename) or "").replace("\\", "/").rsplit("/", 1)[-1]


def _payload(part: Message) -> bytes:
    content = _of(lambda: part.get_payload(decode=True))
    return content if isinstance(content, bytes) else b""


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _report(part: Message) -> str:
    return "\n".join(f"{key}: {value}" for child in _children(part) for key, value in child.raw_items())


def _is_decoration(part: Message, kind: str) -> bool:
    """Say whether this is a picture that the HTML shows, such as the logo of a signature."""
    return kind.startswith("image/") and bool(_header(part, "Content-ID")) and _disposition(part) != "attachment"


def _refuse_sealed(part: Message, kind: str) -> None:
    is_sealed = kind in _SEALED and str(_of(lambda: part.get_param("smime-type"))).lower() == "enveloped-data"
    if is_sealed or kind == "multipart/encrypted":
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted mail")
