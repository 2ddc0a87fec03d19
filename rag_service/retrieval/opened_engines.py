"""Engines by name, opened when they are first needed."""

from collections.abc import Callable, Mapping

from rag_service.errors import InvalidRequest
from rag_service.ports.vector_index import VectorIndex


class OpenedEngines:
    """Implements `ports.engines.Engines` over what opens each engine."""

    def __init__(self, openers: Mapping[str, Callable[[], VectorIndex]]) -> None:
        self._openers = openers
        self._opened: dict[str, VectorIndex] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._openers)

    def __call__(self, name: str) -> VectorIndex:
        if name not in self._opened:
            if name not in self._openers:
                raise InvalidRequest(f"There is no engine {name!r}. Known are {', '.join(self.names)}.")
            self._opened[name] = self._openers[name]()
        return self._opened[name]
