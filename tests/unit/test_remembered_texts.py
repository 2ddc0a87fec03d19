"""Every function that remembers texts forgets them when it is told to; those that remember anything else are listed."""

import re
from collections.abc import Iterator
from pathlib import Path

from ingestion.forgetting import forget_now_and_then
from ingestion.waiting import beside
from rag_service.domain import words
from rag_service.domain.remembered import forget_texts
from rag_service.embedding import stemming
from rag_service.embedding import words as terms
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.verification import quotes
from tests.patience import until

ROOT = Path(__file__).parents[2]
REMEMBERING = re.compile(r"\b(lru_|functools\.)cache\(|@(functools\.)?(lru_)?cache$")

# Its entries need no eraser; whatever else remembers has to be told to forget.
NO_TEXT = {
    "ingestion/language.py: def _identifier() -> Any:": "a model",
    "rag_service/catalog/chunks.py: def _visible_at(shape: ScopeShape) -> sa.Select[Any]:": "SQL, by kinds of scopes",
    "rag_service/catalog/corpora.py: def _by_ref(shape: ScopeShape) -> sa.Select[Any]:": "SQL, by kinds of scopes",
    "rag_service/retrieval/edge_search.py: def _through_graph(ef: int) -> edge.SearchParams:": "settings, by a number",
}


def not_told_to_forget() -> Iterator[str]:
    for package in ("rag_service", "ingestion", "eval"):
        for file in (ROOT / package).rglob("*.py"):
            lines = file.read_text(encoding="utf-8").splitlines()
            for place, line in enumerate(lines):
                if REMEMBERING.search(line) and "remembers_text" not in lines[place - 1] + line:
                    yield f"{file.relative_to(ROOT)}: {lines[place + 1].strip()}"


def remembered() -> int:
    functions = (words._words, words._stems, words.stem, quotes._normalised, terms._cached_words)
    return sum(function.cache_info().currsize for function in functions)


def read(text: str) -> None:
    words.stems(text)
    quotes.find_verbatim("Quinces  ripen", text)
    terms.passage_terms(text)


def test_whatever_remembers_texts_is_told_to_forget() -> None:
    assert set(not_told_to_forget()) == NO_TEXT.keys()


def test_no_word_of_a_text_stays_after_that() -> None:
    read("Quinces ripen on the southern wall.")
    before = remembered()

    forget_texts()

    assert (before > 0, remembered()) == (True, 0)


def test_stemmers_remember_no_words() -> None:
    of_scripts = [stemmer for *_, stemmer in stemming._STEMMED_SCRIPTS]

    assert {each.maxCacheSize for each in (*of_scripts, *stemming._OF_LANGUAGE.values())} == {0}


def test_counters_of_tokens_are_told_too_for_as_long_as_they_are_there() -> None:
    count = ModelTokenCounter()
    length = count("Quinces ripen.")
    words_of = next(
        cell.cell_contents for cell in count._count.__closure__ or () if hasattr(cell.cell_contents, "cache_info")
    )

    forget_texts()

    assert (words_of.cache_info().currsize, count("Quinces ripen.")) == (0, length)


async def test_a_worker_forgets_again_and_again() -> None:
    async with beside(forget_now_and_then(every_s=0.01)):
        for _ in range(2):
            read("Quinces ripen on the southern wall.")
            await until(lambda: remembered() == 0)
