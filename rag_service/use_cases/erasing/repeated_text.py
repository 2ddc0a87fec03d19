"""Finding texts that repeat an erased one, by runs of words: any that are longer than what two people write alike."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.answers import Answer
from rag_service.domain.filters import texts_in
from rag_service.domain.ids import DocumentId
from rag_service.domain.words import forgettable_words

RUN_WORDS = 12

Runs = NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_WORD_MASK = 2**64 - 1


def runs_in(texts: Iterable[str]) -> Runs:
    """Return the hashes of all runs of RUN_WORDS words, sorted; the same words have the same hash in this process."""
    found = [_runs(text) for text in texts]
    return np.unique(np.concatenate(found)) if found else np.array([], np.uint64)


def repeats(answer: Answer, erased: Runs, document_id: DocumentId) -> bool:
    """Say whether an answer holds erased words that none of its passages from other documents has."""
    texts = [message.content for message in answer.messages]
    filters = answer.searched_with.filters if answer.searched_with else None
    said = runs_in([*texts, answer.text, answer.searched_for, *(texts_in(filters) if filters else ())])
    common = said[np.isin(said, erased)]
    if common.size == 0:
        return False
    own = runs_in(passage.text for passage in answer.passages if passage.document_id != document_id)
    return bool((~np.isin(common, own)).any())


def _runs(text: str) -> Runs:
    # Python's own hash is salted anew in each process, so nothing can be looked up in what is left of it.
    words = forgettable_words(text)
    hashes = np.fromiter((hash(word) & _WORD_MASK for word in words), np.uint64, len(words))
    count = len(hashes) - RUN_WORDS + 1
    if count < 1:
        return np.array([], np.uint64)
    run = np.zeros(count, np.uint64)
    for place in range(RUN_WORDS):
        run = run * _FACTOR + hashes[place : place + count]
    return run
