"""Loops over numbers, compiled by Numba: they run without Python's global lock."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Sums may be taken in another order, always the same one, which lets the processor take many steps at once.
_compile = partial(numba.njit, nogil=True, fastmath={"reassoc", "contract"})


def compiled(function: _Function) -> _Function:
    """Compile `function` at its first call for types not met before; the code is kept beside the source."""
    try:
        return cast("_Function", _compile(cache=True)(function))
    except RuntimeError:  # there is no folder in which code can be kept
        return cast("_Function", _compile()(function))
