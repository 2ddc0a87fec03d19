"""What an answer had to do without."""

from collections.abc import Collection
from enum import StrEnum


class Degradation(StrEnum):
    """What was slow or down.

    Embedding: only words were looked for. Index: another index was searched than the one that is written to. Feedback:
    what is unlike the best passages was not put behind. Rerank: the second look failed, or its time was over before it
    had reached all passages.
    """

    EMBEDDING = "embedding"
    INDEX = "index"
    FEEDBACK = "feedback"
    RERANK = "rerank"


def is_found_by_less(degraded: Collection[str]) -> bool:
    """Say whether the whole search might have found other passages.

    Not where only the second look was short: its time is a setting, and the passages are the right ones in another order.
    """
    return any(reason != Degradation.RERANK for reason in degraded)
