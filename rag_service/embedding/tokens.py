"""Counts tokens with a model's tokenizer alone: no weights, no torch."""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from rag_service.domain.remembered import remembers_text
from rag_service.embedding.model_folder import PACKAGED_MODEL, ModelFolder
from rag_service.errors import Misconfigured

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CACHED_WORDS = 2**16
_MAX_CACHED_CHARS = 32
_WORDS = re.compile(r"[^ \t\r\n]+")


class ModelTokenCounter:
    """TokenCounter of one model. Loaded at the first count."""

    def __init__(self, folder: ModelFolder | None = None) -> None:
        self._folder = folder or ModelFolder(PACKAGED_MODEL)

    def __call__(self, text: str) -> int:
        """Return the number of tokens of `text`, without special ones and without truncation."""
        return self._count(text)

    @cached_property
    def _count(self) -> Callable[[str], int]:
        from tokenizers.pre_tokenizers import BertPreTokenizer  # noqa: PLC0415  (only who counts need load it)

        tokenizer = _counting_tokenizer(self._folder)
        # BERT's tokenizer never looks beyond a space, so words can be counted once and remembered.
        of_words = isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        return _by_words(tokenizer) if of_words else lambda text: _length(tokenizer, text)


def model_tokenizer(folder: ModelFolder) -> "Tokenizer":
    """Return the model's tokenizer as its file describes it, a new one each time.

    Raises:
        Misconfigured: the model has none of the kind that can be used alone.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415

    file = folder.path / "tokenizer.json"
    if not file.is_file():
        raise Misconfigured(f"The model {folder.model} has no tokenizer.json; choose another model.")
    return Tokenizer.from_file(str(file))


def _counting_tokenizer(folder: ModelFolder) -> "Tokenizer":
    tokenizer = model_tokenizer(folder)
    # The file asks for truncation and padding, as the model wants them; a count does not.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _by_words(tokenizer: "Tokenizer") -> Callable[[str], int]:
    @remembers_text
    @lru_cache(maxsize=_CACHED_WORDS)
    def cached(word: str) -> int:
        return _length(tokenizer, word)

    def count(text: str) -> int:
        words = _WORDS.findall(text)
        return sum(cached(word) if len(word) <= _MAX_CACHED_CHARS else _length(tokenizer, word) for word in words)

    return count


def _length(tokenizer: "Tokenizer", text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False))
