"""The sample corpus: the product's own handbook, one format per chapter, and golden questions about it."""

from pathlib import Path

CORPUS_NAME = "handbook"

EXAMPLE_QUESTIONS = (
    "How do I sign in for the first time?",
    "Which file formats can be uploaded?",
    "What does the status partial mean?",
    "How large may an uploaded file be?",
)

_FOLDER = Path(__file__).parent


def chapters() -> list[Path]:
    """Return the files of the handbook, in reading order."""
    return sorted(_FOLDER.glob("[0-9][0-9]-*"))


def golden_questions() -> Path:
    """Return the JSONL file of questions about the handbook, with their answers and quotes."""
    return _FOLDER / "golden.jsonl"
