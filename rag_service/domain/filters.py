"""Filters on what is known of documents, in the shape of OpenAI's vector-store search.

Read strictly: what cannot be understood is refused with its place, never passed over.
"""

import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rag_service.domain.documents import Document, Revision
from rag_service.errors import InvalidRequest

Scalar = str | float | bool

MAX_DEPTH = 5
MAX_COMPARISONS = 50
MAX_VALUES = 1_000
MAX_CHARS = 512


class Operator(StrEnum):
    """How a value of a document is compared."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NIN = "nin"


class Connective(StrEnum):
    """How filters are joined."""

    AND = "and"
    OR = "or"


class Kind(StrEnum):
    """What a value is. Values of two kinds are never equal, and neither is the greater one."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth"


class BuiltIn(StrEnum):
    """Keys that every document has without being given them. An attribute of the same name takes precedence.

    `created_at` is when the revision came in, in whole seconds of Unix time; the language may be unknown.
    """

    DOCUMENT_KEY = "document_key"
    FILENAME = "filename"
    CONTENT_TYPE = "content_type"
    LANGUAGE = "language"
    CREATED_AT = "created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value with its kind, without which 1 and true would be one."""

    kind: Kind
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Compares what a document has under `key` with the constants: one, or any number for IN and NIN.

    Texts are ordered by code points. NE and NIN are the opposites of EQ and IN: documents without the key pass them,
    and no other comparison.
    """

    operator: Operator
    key: str
    constants: tuple[Constant, ...]

    @property
    def is_negated(self) -> bool:
        """Whether it holds where the opposite does not."""
        return self.operator in {Operator.NE, Operator.NIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    """Holds when all of its filters do, or any."""

    connective: Connective
    filters: tuple["Filter", ...]


Filter = Comparison | Compound

ORDERINGS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}
_LISTS = {Operator.IN, Operator.NIN}
_TYPES = tuple(str(kind) for kind in (*Operator, *Connective))


def parse_filter(raw: object, *, at: str = "filters") -> Filter:
    """Return the filter that a decoded JSON value describes.

    Raises:
        InvalidRequest: it is none, or over a limit; `param` is the place, which begins with `at`.
    """
    found = _filter(raw, at, depth=1)
    comparisons = list(_comparisons(found))
    if len(comparisons) > MAX_COMPARISONS:
        raise _wrong(at, f"has more than {MAX_COMPARISONS} comparisons")
    if sum(len(one.constants) for one in comparisons) > MAX_VALUES:
        raise _wrong(at, f"has more than {MAX_VALUES:,} values")
    return found


def written_filter(wanted: Filter) -> dict[str, Any]:
    """Return a filter as it is written in a request, so that `parse_filter` gives it back."""
    if isinstance(wanted, Compound):
        return {"type": wanted.connective.value, "filters": [written_filter(one) for one in wanted.filters]}
    values = [one.value for one in wanted.constants]
    return {
        "type": wanted.operator.value,
        "key": wanted.key,
        "value": values if wanted.operator in _LISTS else values[0],
    }


def texts_in(wanted: Filter) -> Iterator[str]:
    """Yield the texts that documents are compared with."""
    for comparison in _comparisons(wanted):
        for constant in comparison.constants:
            if isinstance(constant.value, str):
                yield constant.value


def matches(wanted: Filter, known: Mapping[str, Scalar]) -> bool:
    """Say whether a document of which this is known passes: what the catalog's SQL must agree with."""
    if isinstance(wanted, Compound):
        held = (matches(one, known) for one in wanted.filters)
        return all(held) if wanted.connective is Connective.AND else any(held)
    holds = wanted.key in known and _holds(wanted, constant_of(known[wanted.key]))
    return holds != wanted.is_negated


def known_of(document: Document, revision: Revision) -> dict[str, Scalar]:
    """Return what filters see of a document at a revision."""
    language = {} if revision.language is None else {BuiltIn.LANGUAGE.value: revision.language}
    return {
        BuiltIn.DOCUMENT_KEY.value: document.key,
        BuiltIn.FILENAME.value: revision.filename,
        BuiltIn.CONTENT_TYPE.value: revision.media_type,
        BuiltIn.CREATED_AT.value: math.floor(revision.created_at.timestamp()),
        **language,
        **revision.attributes,
    }


def constant_of(value: Scalar) -> Constant:
    """Return `value` with its kind; numbers become floats."""
    if isinstance(value, bool):
        return Constant(kind=Kind.TRUTH, value=value)
    if isinstance(value, str):
        return Constant(kind=Kind.TEXT, value=value)
    return Constant(kind=Kind.NUMBER, value=float(value))


def _holds(wanted: Comparison, found: Constant) -> bool:
    orders = ORDERINGS.get(wanted.operator)
    if orders is None:
        return found in wanted.constants
    return any(found.kind is one.kind and orders(found.value, one.value) for one in wanted.constants)


def _filter(raw: object, at: str, *, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise _wrong(at, f"is nested more than {MAX_DEPTH} deep")
    if not isinstance(raw, Mapping):
        raise _wrong(at, "must be an object")
    kind = raw.get("type")
    if kind not in _TYPES:
        raise _wrong(f"{at}.type", f"must be one of {', '.join(_TYPES)}")
    return _compound(raw, at, depth) if kind in tuple(Connective) else _comparison(raw, at)


def _compound(raw: Mapping[Any, Any], at: str, depth: int) -> Compound:
    _check_fields(raw, {"type", "filters"}, at)
    parts = raw.get("filters")
    if not isinstance(parts, list) or not parts:
        raise _wrong(f"{at}.filters", "must be a list of at least one filter")
    filters = (_filter(part, f"{at}.filters[{place}]", depth=depth + 1) for place, part in enumerate(parts))
    return Compound(connective=Connective(raw["type"]), filters=tuple(filters))


def _comparison(raw: Mapping[Any, Any], at: str) -> Comparison:
    _check_fields(raw, {"type", "key", "value"}, at)
    kind, key, value = Operator(raw["type"]), raw.get("key"), raw.get("value")
    if not isinstance(key, str) or not key:
        raise _wrong(f"{at}.key", "must be a text of at least one character")
    _check_text(key, f"{at}.key")
    constants = _constants(value, f"{at}.value") if kind in _LISTS else (_constant(value, f"{at}.value"),)
    if kind in ORDERINGS and constants[0].kind is Kind.TRUTH:
        raise _wrong(f"{at}.value", "must be a text or a number: true and false have no order")
    return Comparison(operator=kind, key=key, constants=constants)


def _constants(value: object, at: str) -> tuple[Constant, ...]:
    if not isinstance(value, list):
        raise _wrong(at, "must be a list")
    return tuple(_constant(each, f"{at}[{place}]") for place, each in enumerate(value))


def _constant(value: object, at: str) -> Constant:
    if isinstance(value, str):
        _check_text(value, at)
        return constant_of(value)
    if isinstance(value, int | float) and _is_finite(value):
        return constant_of(value)
    raise _wrong(at, "must be a text, a finite number, true or false")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _check_text(text: str, at: str) -> None:
    if len(text) > MAX_CHARS:
        raise _wrong(at, f"must not be longer than {MAX_CHARS} characters")
    # No document can have one, and not every database takes it for a question.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _wrong(at, "must not contain NUL characters or unpaired surrogates")


def _check_fields(raw: Mapping[Any, Any], known: Collection[str], at: str) -> None:
    for field in raw:
        if field not in known:
            raise _wrong(f"{at}.{field}", f"is not known here; there are {', '.join(sorted(known))}")


def _comparisons(wanted: Filter) -> Iterator[Comparison]:
    if isinstance(wanted, Comparison):
        yield wanted
        return
    for one in wanted.filters:
        yield from _comparisons(one)


def _wrong(at: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{at}: {what}.", param=at)
