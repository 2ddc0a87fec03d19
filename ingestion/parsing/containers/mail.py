"""A mail, whatever format it was saved in: subject, who and when, what it says, and what is attached."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.containers.members import Members, ReadMember
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html import add_markup
from ingestion.parsing.markup.html_nodes import text_of_fragment
from ingestion.parsing.media_types import ENDINGS
from ingestion.parsing.text import add_paragraphs
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_ATTACHMENT_LEVEL = 2
_STUB_CHARS = 400  # a plain text longer than this was written to be read
_STUB_SHARE = 1 / 3  # of what the HTML says
_ADDRESS = re.compile(r"https?://\S+")
_ENDING_OF = {media_type.value: ending for ending, media_type in reversed(ENDINGS.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a mail says, once or twice over."""

    plain: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a mail, or another mail, which may turn out not to be readable."""

    name: str
    media_type: str = ""
    content: bytes = b""
    open_mail: "Callable[[], Mail] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`lines` are those of the head that people read, such as From, by their labels."""

    subject: str
    lines: tuple[tuple[str, str], ...]
    bodies: tuple[Body, ...]
    attachments: Iterable[Attachment] = ()
    warnings: tuple[str, ...] = ()


def parsed_mail(mail: Mail, limits: ParsingLimits, read: ReadMember | None) -> ParsedDocument:
    """Return the mail as a document: its subject is the heading, attachments are sections below."""
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*mail.warnings)
    builder.add(mail.subject, BlockKind.HEADING, level=1)
    builder.add("\n".join(f"{label}: {' '.join(value.split())}" for label, value in mail.lines if value.strip()))
    for body in mail.bodies:
        _add_body(builder, body)
    members = Members(builder, limits, read)
    for number, attachment in enumerate(mail.attachments, start=1):
        if number > limits.max_archive_entries:
            raise DocumentRejected(ReasonCode.ARCHIVE_BOMB, f"more than {limits.max_archive_entries} attachments")
        _add_attachment(members, attachment, opened=read is not None)
    members.close()
    return builder.build(title=mail.subject, named_by_heading=False)


def _add_body(builder: CanonicalBuilder, body: Body) -> None:
    if body.html and _is_stub(body):
        add_markup(builder, body.html, under=1)
    else:
        add_paragraphs(builder, body.plain)


def _is_stub(body: Body) -> bool:
    """Say whether the plain text only tells the reader to look at the HTML."""
    plain = " ".join(_ADDRESS.sub("", body.plain).split())
    if len(plain) > _STUB_CHARS:
        return False
    return len(plain) <= _STUB_SHARE * len(" ".join(text_of_fragment(body.html).split()))


def _add_attachment(members: Members, attachment: Attachment, *, opened: bool) -> None:
    open_mail = attachment.open_mail
    if open_mail is None:
        members.add(attachment.name, attachment.content, level=_ATTACHMENT_LEVEL, reads_as=_file_name(attachment))
    elif opened:
        members.add_read(
            attachment.name, lambda limits: parsed_mail(open_mail(), limits, None), level=_ATTACHMENT_LEVEL
        )
    else:
        members.refuse(attachment.name, "a mail inside a file inside a file is not opened")


def _file_name(attachment: Attachment) -> str:
    """Return the attachment's name; one without an ending gets that of the type its sender states."""
    ending = PurePosixPath(attachment.name).suffix
    return attachment.name if ending else attachment.name + _ENDING_OF.get(attachment.media_type, "")
