"""In which language a document is, found in a sample of its prose."""

from bisect import bisect_right
from functools import cache
from itertools import accumulate
from threading import Lock
from typing import Any, Final

from rag_service.domain.documents import BlockKind, ParsedDocument

_PIECES: Final = 5  # spread over the text: its beginning can be a foreign title or licence
_PIECE_CHARS: Final = 200
_CODE_LENGTH: Final = 2
_NO_LANGUAGE: Final = "zxx"
# Of 2,880 beginnings of paragraphs in twelve languages, 40 to 1,000 characters long, none was named wrongly.
_LEAST_CONFIDENCE: Final = 0.7

_loading = Lock()


def detect_language(document: ParsedDocument) -> str | None:
    """Return the ISO 639-1 code of the language of most of the text, None when it is too short, mixed or unsure."""
    with _loading:
        identifier = _identifier()
    code, confidence = identifier.classify(_sample(document))
    return str(code) if confidence >= _LEAST_CONFIDENCE and code != _NO_LANGUAGE else None


@cache
def _identifier() -> Any:
    """Load the model: a second, and 70 MB, only in processes that read documents."""
    from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415
        MODEL_FILE,
        LanguageIdentifier,
    )

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Without the dialects and rare languages that have no such code: Mandarin is often taken for Wu, English for a creole.
    model.set_languages([label for label in model.labels if len(label) == _CODE_LENGTH or label == _NO_LANGUAGE])
    # A new one, because the old one keeps what was taken out of it.
    return LanguageIdentifier(
        model.nb_ptc,
        model.nb_pc,
        model.nb_classes,
        model.tk_nextmove,
        model.tk_output,
        norm_probs=True,
        tk_row=model.tk_row,
    )


def _sample(document: ParsedDocument) -> str:
    prose = [block.span for block in document.blocks if block.kind is not BlockKind.CODE]
    ends = list(accumulate(map(len, prose)))
    total = ends[-1] if ends else 0
    if total <= _PIECES * _PIECE_CHARS:
        return "\n".join(span.of(document.text) for span in prose)
    pieces = []
    for number in range(_PIECES):
        place = number * (total - _PIECE_CHARS) // (_PIECES - 1)
        index = bisect_right(ends, place)
        start = prose[index].end - (ends[index] - place)
        pieces.append(document.text[start : start + _PIECE_CHARS])
    return "\n".join(pieces)
