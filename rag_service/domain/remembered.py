"""What functions of this process remember of texts, so that all of it can be let go of at once."""

from typing import Protocol, TypeVar
from weakref import WeakSet

TEXTS_STAY_S = 60.0
"""How long a word that was erased may be remembered: a question that was under way can bring it back once."""


class _Remembers(Protocol):
    def cache_clear(self) -> None: ...


_Function = TypeVar("_Function", bound=_Remembers)

_remembering: WeakSet[_Remembers] = WeakSet()


def remembers_text(function: _Function) -> _Function:
    """Put this around every `lru_cache` whose arguments or results hold words of people or documents."""
    _remembering.add(function)
    return function


def forget_texts() -> None:
    """Let go of everything that such functions remember: they only take longer the next time."""
    for function in list(_remembering):
        function.cache_clear()
