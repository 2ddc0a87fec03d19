"""Texts and references in requests. What no database can store is refused here, with the field's name."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, StringConstraints

MAX_REF_CHARS = 256


def _storable(text: str) -> str:
    # JSON may carry halves of surrogate pairs, and PostgreSQL has no room for NUL.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain NUL characters or unpaired surrogates")
    return text


Text = Annotated[str, StringConstraints(strict=True), AfterValidator(_storable)]
"""Any text that can be kept."""

Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_REF_CHARS), AfterValidator(_storable)]
"""A short text: an id, or a name."""

Ref = Annotated[str, Path(max_length=MAX_REF_CHARS), AfterValidator(_storable)]
"""An id or a name in a path."""
