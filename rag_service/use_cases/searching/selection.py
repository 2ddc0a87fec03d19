"""Which of the passages offered are shown."""

from collections import Counter
from collections.abc import Iterable

from rag_service.domain.answers import Passage
from rag_service.domain.known_texts import KnownTexts
from rag_service.use_cases.searching.options import SearchOptions


class Selection:
    """Takes passages, the best first, until as many are taken as are wanted."""

    def __init__(self, options: SearchOptions) -> None:
        self.passages: list[Passage] = []
        self._options = options
        self._of_document: Counter[str] = Counter()
        self._known = KnownTexts()

    @property
    def is_full(self) -> bool:
        """Whether no more are wanted."""
        return len(self.passages) >= self._options.limit

    def offer(self, passages: Iterable[Passage]) -> None:
        """Take those that are wanted."""
        for passage in passages:
            if not self.is_full and self._is_wanted(passage):
                self.passages.append(passage)
                self._of_document[passage.document_id] += 1

    def _is_wanted(self, passage: Passage) -> bool:
        most = self._options.per_document
        if most is not None and self._of_document[passage.document_id] >= most:
            return False
        return not self._options.distinct or self._known.take(passage.text)
