"""Text to one vector for each of its tokens."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import DenseVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenVectors:
    """The tokens of a text, special ones left out: `vectors` has a unit row for each, float32, perhaps none.

    `weights`, float32 in [0, 1], say how much a token tells: 1 for the rarest word, 0 for a sign or a letter.
    """

    vectors: DenseVector
    weights: NDArray[np.float32]


class TokenEmbedder(Protocol):
    """Embeds the tokens of one text after the other.

    Raises:
        EmbedderUnavailable: the model cannot be loaded.
    """

    @property
    def name(self) -> str:
        """The model's."""

    async def embed_tokens(self, text: str) -> TokenVectors:
        """Return the tokens of `text`, as many as the window holds. Several calls run side by side."""
