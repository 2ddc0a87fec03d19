"""What finds near vectors among the rows of a build: on the processor, or on a device that stands in for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import DenseVector


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The rows that a search may find, `count` of them: bit `row % 8`, lowest first, of byte `row // 8`."""

    bits: NDArray[np.uint8]
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Rows by query, each of shape (queries, limit), best first; row -1 stands where there are no more.

    Scores are about the cosines: who needs true ones scores the rows again.
    """

    scores: NDArray[np.float32]
    rows: NDArray[np.int64]


class DenseStructure(Protocol):
    """Finds rows with a high cosine. Built once and never changed; several threads may search at a time."""

    @property
    def size(self) -> int:
        """How many rows it holds: those from 0 up to, not including, `size`."""

    @property
    def oversampling(self) -> float:
        """How many times as many rows as are wanted it is to be asked for, so that none of the best is missed."""

    def search(self, vectors: DenseVector, limit: int, *, allowed: Allowed | None) -> Neighbours:
        """Return about the `limit` nearest rows of each of `vectors`: shape (queries, dimensions), each of length 1.

        No row outside of `allowed` comes back, whatever the structure; None allows every row. Where more than `limit`
        rows are allowed fewer may be found, and the caller then looks at every row.

        Raises:
            IndexUnavailable: the library or its device failed.
        """


class CpuStructure(DenseStructure, Protocol):
    """A structure of the FAISS library in main memory."""

    @property
    def index(self) -> Any:
        """The library's own index, inner product, rows as ids."""


Place = Callable[[CpuStructure, DenseVector], DenseStructure]
"""Puts another structure in the place of a new one: given that, and its vectors of shape (size, dimensions), not
necessarily of length 1. Called in a background thread after each rebuild, and in the opening one for what is loaded.
"""


def stay(structure: CpuStructure, vectors: DenseVector) -> DenseStructure:  # noqa: ARG001 - a Place that needs neither
    """Leave the structure where it is."""
    return structure
