"""Names that people give to corpora, drafts and versions."""

import re

from rag_service.errors import InvalidRequest

# "@" separates the version in a model name and "/" would be lost in paths.
_NAME = re.compile(r"[^\s@/\\\x00-\x1f][^@/\\\x00-\x1f]{0,127}")

DRAFT = "draft"
"""After the @ it stands for the sealed draft."""


def checked_name(name: str, *, of: str) -> str:
    """Return a name without the space around it.

    Raises:
        InvalidRequest: it is empty, over 128 characters, or has one of @, slash, backslash or a control character.
    """
    if not _NAME.fullmatch(name.strip()):
        raise InvalidRequest(f"A {of} needs a name of 1 to 128 characters without @, / or \\.", param="name")
    return name.strip()


def checked_label(label: str) -> str:
    """Return a label that can stand after the @, where numbers and "draft" mean something else."""
    checked = checked_name(label, of="label")
    if checked.isdigit() or checked == DRAFT:
        raise InvalidRequest(f'A label is neither a number nor "{DRAFT}".', param="label")
    return checked
