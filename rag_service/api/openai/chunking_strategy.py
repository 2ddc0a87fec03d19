"""How OpenAI's clients ask for chunk sizes. Ours are the corpus's, so that equal texts are embedded once."""

from typing import Annotated, Any

from pydantic import AfterValidator


def _automatic(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value and value.get("type") != "auto":
        raise ValueError("only {'type': 'auto'} is supported: chunk sizes are set for the whole service")
    return value


ChunkingStrategy = Annotated[dict[str, Any] | None, AfterValidator(_automatic)]
