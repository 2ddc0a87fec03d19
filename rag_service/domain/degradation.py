"""What an answer had to do without."""

from enum import StrEnum


class Degradation(StrEnum):
    """Embedding: only words were looked for. Index: another index was searched than the one that is written to."""

    EMBEDDING = "embedding"
    INDEX = "index"
