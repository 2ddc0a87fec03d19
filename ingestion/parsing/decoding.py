"""Bytes to text, always the same way: byte order marks, UTF-8, UTF-16 by its zero bytes, then detection."""

import codecs
import re

from charset_normalizer import from_bytes

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 64 * 1024
_MAX_BROKEN_SHARE = 0.02  # of the bytes beyond ASCII may be broken in a text that still counts as UTF-8
_ISO_2022 = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"\x1b(J", "iso2022_jp_2"))
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\x0b\x0c\r\x1b\x1a") + b"\x7f"
_CHARSET = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,200}?encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE
)


def decode(content: bytes, *, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the text and warnings about what was guessed or replaced. `declared` is tried before guessing."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _decode(content, encoding)
    for mark, encoding in _ISO_2022:
        if mark in content[:_SAMPLE_BYTES] and _fits(content, encoding):
            return content.decode(encoding), (f"decoded as {encoding}",)
    wide = _wide_encoding(content[:_SAMPLE_BYTES])
    if wide:
        text, warnings = _decode(content, wide)
        return text, (f"decoded as {wide}", *warnings)
    if declared and not _fits(content, "utf-8") and _fits(content, declared):
        return content.decode(declared), (f"decoded as {declared}",)
    return _decode_narrow(content)


def declared_charset(content: bytes) -> str | None:
    """Return the character set that an HTML file's head names, when Python knows it."""
    found = _CHARSET.search(content[:4096])
    return known_charset(found.group(1).decode("ascii")) if found else None


def known_charset(name: str) -> str | None:
    """Return Python's name of a character set, None when it has none."""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return None


def looks_like_text(head: bytes) -> bool:
    """Say whether the first bytes of a file are text in any encoding."""
    if any(head.startswith(bom) for bom, _ in _BOMS) or _wide_encoding(head):
        return True
    if any(mark in head for mark, _ in _ISO_2022):
        head = head.translate(None, b"\x0e\x0f")  # these shift between alphabets there
    controls = len(head) - len(head.translate(None, _CONTROL))
    return controls <= len(head) * 0.05


def _decode(content: bytes, encoding: str) -> tuple[str, tuple[str, ...]]:
    try:
        return content.decode(encoding), ()
    except UnicodeDecodeError:
        return content.decode(encoding, errors="replace"), (f"broken {encoding}: unreadable bytes were replaced",)


def _fits(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except (ValueError, LookupError):  # some codecs of Python fail in ways of their own
        return False
    return True


def _wide_encoding(sample: bytes) -> str | None:
    """Tell UTF-16 and UTF-32 without a mark: nearly every other byte of Western text is then zero."""
    zeros = sample.count(0)
    if len(sample) < 4 or zeros < len(sample) * 0.2:  # noqa: PLR2004  (one UTF-32 character; a fifth of zeros)
        return None
    by_place = [sample[place::4].count(0) for place in range(4)]
    quarter = len(sample) / 4
    if min(by_place[1:]) > quarter * 0.9 and len(sample) % 4 == 0:
        return "utf-32-le"
    if min(by_place[:3]) > quarter * 0.9 and len(sample) % 4 == 0:
        return "utf-32-be"
    even, odd = by_place[0] + by_place[2], by_place[1] + by_place[3]
    if odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd else None


def _decode_narrow(content: bytes) -> tuple[str, tuple[str, ...]]:
    text, warnings = _decode(content, "utf-8")
    if not warnings:
        return text, ()
    broken = text.count("\ufffd")
    beyond_ascii = len(content.translate(bytes.maketrans(b"", b""), bytes(range(128))))
    if broken <= max(1, beyond_ascii * _MAX_BROKEN_SHARE) and beyond_ascii > 2 * broken:
        return text, warnings
    encoding = _detected(content)
    text, warnings = _decode(content, encoding)
    return text, (f"decoded as {encoding}", *warnings)


def _detected(content: bytes) -> str:
    best = from_bytes(content[:_SAMPLE_BYTES]).best()
    return best.encoding if best else "cp1252"
