"""What suites are made of: texts to load, and what to ask about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from rag_service.errors import RagError


class DataAbsent(RagError):
    """The data of a suite is not on this machine: it is skipped, not failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document of a data set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query and its judged documents, with grades; relevant above 0."""

    id: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what is known about its answer. `documents` and `quotes` say where it is."""

    id: str
    question: str
    answerable: bool
    answers: tuple[str, ...] = ()
    documents: frozenset[str] = frozenset()
    quotes: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
