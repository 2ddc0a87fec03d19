"""Names for ways of computing things: equal fingerprints give equal results."""

import hashlib
import json
from dataclasses import asdict, dataclass

from rag_service.domain.ids import Fingerprint

PARSER_FINGERPRINT = "parsers-5"
"""Names what turns bytes into canonical text. Raise it when a parser's output changes: equal bytes are then read anew."""

_OCR = "+ocr:"

CHUNKER_NAME = "headings-4"
"""Names the way texts are cut. Change it when the same settings would cut a text elsewhere."""


POINT_LAYOUT = "points-2"
"""Names what an index keeps of a point beside its vectors. Change it when a search needs more of it."""


def parsed_with_ocr(languages: str) -> str:
    """Return the fingerprint of a reading that met pages without a text layer; no `languages`: it left them unread."""
    return f"{PARSER_FINGERPRINT}{_OCR}{languages}"


def reads_alike(fingerprint: str, parser_fingerprint: str, *, ocr_languages: str) -> bool:
    """Say whether reading the same bytes again would give what a reading of that `fingerprint` gave.

    A process without text recognition (no languages) takes over what another one recognised.
    """
    parsers, met_pictures, languages = fingerprint.partition(_OCR)
    return parsers == parser_fingerprint and (not met_pictures or not ocr_languages or languages == ocr_languages)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderFingerprint:
    """All that decides the vector of a text."""

    model: str
    revision: str
    dimensions: int
    backend: str
    dtype: str
    pooling: str
    normalised: bool
    max_tokens: int
    query_prefix: str = ""
    passage_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkerFingerprint:
    """All that decides where a text is cut and what is embedded of it."""

    name: str
    target_tokens: int
    overlap_tokens: int
    heading_prefix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFingerprint:
    """All that decides the points of a corpus: one build has one of these."""

    embedder: EmbedderFingerprint
    sparse: str
    chunker: ChunkerFingerprint
    layout: str = POINT_LAYOUT

    @property
    def digest(self) -> Fingerprint:
        """Return the name of this build."""
        return Fingerprint(digest_of(self))


def digest_of(fingerprint: EmbedderFingerprint | BuildFingerprint) -> str:
    """Return the first 32 hex characters of the SHA-256 of the values, by sorted names."""
    return hashlib.sha256(json.dumps(asdict(fingerprint), sort_keys=True).encode()).hexdigest()[:32]
