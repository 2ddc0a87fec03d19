"""Makes the files that no service wants to be given, and the odd ones that it must read all the same."""

import io
import random
import stat
import zipfile
from pathlib import PurePosixPath

import docx
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

SECRET = "the-combination-is-4711"

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
_LAUGHS = "".join(
    f'<!ENTITY lol{level} "{f"&lol{level - 1};" * 10}">' if level else '<!ENTITY lol0 "ha">' for level in range(10)
)


def pdf(text: str = "", *, password: str = "") -> bytes:
    """Return a one-page PDF; without text it shows a picture only."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption(password, password + "-owner") if password else None)
    if text:
        canvas.drawString(72, 720, text)
    else:
        canvas.drawInlineImage(_noise(), 72, 400, 300, 300)
    canvas.save()
    return buffer.getvalue()


def word(*paragraphs: str) -> bytes:
    """Return a DOCX."""
    document, buffer = docx.Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(buffer)
    return buffer.getvalue()


def with_members(archive: bytes, members: dict[str, bytes | str], *, link: str = "") -> bytes:
    """Return a ZIP archive with members added or replaced; `link` is the name of a symbolic link to add."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.infolist():
            if member.filename not in members:
                new.writestr(member, old.read(member))
        for name, content in members.items():
            new.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            new.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP archive that is no DOCX."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(str(PurePosixPath(name)), content)
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a DOCX with a member that unpacks to a thousand times its size."""
    return with_members(word("hello"), {"word/media/big.bin": bytes(64 * 2**20)})


def laughing() -> bytes:
    """Return a DOCX whose text is an XML entity that stands for ten thousand million characters."""
    return with_members(word("x"), {"word/document.xml": _body(f"<!DOCTYPE lolz [{_LAUGHS}]>", "&lol9;")})


def peeping() -> bytes:
    """Return a DOCX whose text is an XML entity that stands for a file of the machine."""
    return with_members(
        word("x"),
        {"word/document.xml": _body('<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>', "&secret;")},
    )


def deep_word() -> bytes:
    """Return a DOCX with a hundred thousand content controls inside one another."""
    return with_members(word("x"), {"word/document.xml": _body("", "<w:sdt>" * 100_000)})


def locked_word() -> bytes:
    """Return what Word makes of a DOCX under a password: a container of another kind, here with a broken directory."""
    return OLD_OFFICE + "EncryptedPackage".encode("utf-16-le")


def macro() -> bytes:
    """Return a DOCX that carries a macro."""
    return with_members(word("hello"), {"word/vbaProject.bin": b"Sub AutoOpen()"})


def nested() -> bytes:
    """Return a readable DOCX that carries an archive, as one with an embedded spreadsheet does."""
    inner = zipped({"inner.zip": zipped({"bomb.bin": bytes(2**20)})})
    return with_members(word("The embedded table is for accounting."), {"word/embeddings/table.xlsx": inner})


def laughing_book() -> bytes:
    """Return an EPUB whose directory is written with XML entities."""
    return zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": f'<!DOCTYPE lolz [{_LAUGHS}]><container><r full-path="&lol9;"/></container>'.encode(),
        }
    )


def laughing_xml() -> bytes:
    """Return XML whose text is an entity that stands for ten thousand million characters."""
    return f"<!DOCTYPE lolz [{_LAUGHS}]><a><p>&lol9;</p></a>".encode()


def peeping_xml() -> bytes:
    """Return XML whose text is an entity that stands for a file of the machine."""
    return b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]><a><p>&secret;</p></a>'


def deep_xml() -> bytes:
    """Return XML with elements inside elements, ten thousand levels deep."""
    return b"<a>" * 10_000 + b"words" + b"</a>" * 10_000


def locked_book() -> bytes:
    """Return an EPUB under digital rights management."""
    method = b'<e><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>'
    return zipped({"mimetype": b"application/epub+zip", "META-INF/encryption.xml": method})


def crowded_mail() -> bytes:
    """Return a mail with ten thousand attachments."""
    part = b'--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\nhi\n'
    return b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n" + part * 10_000 + b"--x--\n"


def deep_mail() -> bytes:
    """Return a mail with parts inside parts, five thousand levels deep."""
    levels = (f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(5000))
    return f"From: a@b.example\n{''.join(levels)}\nx".encode()


PNG = _PNG
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
EXECUTABLE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(200)


def _body(doctype: str, text: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    )


def _noise() -> object:
    from PIL import Image

    return Image.frombytes("L", (32, 32), random.Random(7).randbytes(1024))  # noqa: S311
