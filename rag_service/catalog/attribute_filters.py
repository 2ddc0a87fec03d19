"""Filters on documents as SQL conditions. They agree with `domain.filters.matches`, over the rows of a revision."""

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import documents, revisions
from rag_service.domain.filters import ORDERINGS, BuiltIn, Comparison, Compound, Connective, Constant, Filter, Kind


def passes(wanted: Filter, connection: AsyncConnection) -> sa.ColumnElement[bool]:
    """Revisions, in a statement that has their documents too, of which the filter holds."""
    return _condition(wanted, _Sqlite() if connection.dialect.name == "sqlite" else _Postgresql())


_Value = sa.ColumnElement[Any]
_Values = dict[Kind, _Value]
"""One value as each kind that it may have; NULL when it is of another."""

_SECONDS = 19
"""The characters of SQLite's moments up to the second."""


class _Dialect(Protocol):
    def entries(self) -> sa.TableValuedAlias:
        """Return the attributes of a revision as rows with a key."""

    def values(self, entry: sa.TableValuedAlias) -> _Values:
        """Return the value of an attribute."""

    def seconds(self, moment: sa.Column[Any]) -> _Value:
        """Return a moment in whole seconds of Unix time."""


class _Sqlite:
    def entries(self) -> sa.TableValuedAlias:
        return sa.func.json_each(_attributes()).table_valued("key", "value", "type")

    def values(self, entry: sa.TableValuedAlias) -> _Values:
        kind, value = entry.c.type, entry.c.value
        return {
            Kind.TEXT: _if(kind == "text", sa.cast(value, sa.Text)),
            Kind.NUMBER: _if(kind.in_(["integer", "real"]), sa.cast(value, sa.Double)),
            Kind.TRUTH: _if(kind.in_(["true", "false"]), kind == "true"),
        }

    def seconds(self, moment: sa.Column[Any]) -> _Value:
        return sa.cast(sa.func.strftime("%s", sa.func.substr(sa.type_coerce(moment, sa.Text), 1, _SECONDS)), sa.Double)


class _Postgresql:
    def entries(self) -> sa.TableValuedAlias:
        return sa.func.json_each(sa.cast(_attributes(), sa.JSON)).table_valued("key", sa.column("value", sa.JSON))

    def values(self, entry: sa.TableValuedAlias) -> _Values:
        kind, text = sa.func.json_typeof(entry.c.value), _as_text(entry.c.value)
        return {
            # By code points, as everywhere else, whatever the database was set up with.
            Kind.TEXT: _if(kind == "string", sa.collate(text, "C")),
            Kind.NUMBER: _if(kind == "number", sa.cast(text, sa.Double)),
            Kind.TRUTH: _if(kind == "boolean", text == "true"),
        }

    def seconds(self, moment: sa.Column[Any]) -> _Value:
        return sa.cast(sa.func.floor(sa.extract("epoch", moment)), sa.Double)


def _attributes() -> sa.ColumnElement[str]:
    return sa.type_coerce(revisions.c.attributes, sa.Text)


def _as_text(value: _Value) -> _Value:
    return sa.type_coerce(value.op("#>>")(sa.literal_column("'{}'")), sa.Text)


def _if(condition: sa.ColumnElement[bool], value: _Value) -> _Value:
    # Nothing else keeps PostgreSQL from reading the text "2026b" as a number before it looks at its kind.
    return sa.case((condition, value))


def _condition(wanted: Filter, dialect: _Dialect) -> sa.ColumnElement[bool]:
    if isinstance(wanted, Compound):
        parts = [_condition(one, dialect) for one in wanted.filters]
        return sa.and_(*parts) if wanted.connective is Connective.AND else sa.or_(*parts)
    holds = _holds(wanted, dialect)
    return sa.not_(holds) if wanted.is_negated else holds


def _holds(wanted: Comparison, dialect: _Dialect) -> sa.ColumnElement[bool]:
    """Say, never with NULL, whether the value compares; NE and NIN as EQ and IN."""
    entry = dialect.entries()
    named = sa.exists().select_from(entry).where(entry.c.key == wanted.key)
    of_attribute = named.where(_compares(wanted, dialect.values(entry)))
    built_in = _built_in(wanted.key, dialect)
    if built_in is None:
        return of_attribute
    of_column = sa.func.coalesce(_compares(wanted, built_in), sa.false())
    return sa.or_(of_attribute, sa.and_(~named, of_column))


def _built_in(key: str, dialect: _Dialect) -> _Values | None:
    match key:
        case BuiltIn.DOCUMENT_KEY:
            return {Kind.TEXT: _text(documents.c.key, dialect)}
        case BuiltIn.FILENAME:
            return {Kind.TEXT: _text(revisions.c.filename, dialect)}
        case BuiltIn.CONTENT_TYPE:
            return {Kind.TEXT: _text(revisions.c.media_type, dialect)}
        case BuiltIn.LANGUAGE:
            return {Kind.TEXT: _text(revisions.c.language, dialect)}
        case BuiltIn.CREATED_AT:
            return {Kind.NUMBER: dialect.seconds(revisions.c.created_at)}
        case _:
            return None


def _text(column: sa.Column[Any], dialect: _Dialect) -> _Value:
    return column if isinstance(dialect, _Sqlite) else sa.collate(column, "C")


def _compares(wanted: Comparison, values: _Values) -> sa.ColumnElement[bool]:
    parts = [_compares_with(wanted, value, _of_kind(wanted.constants, kind)) for kind, value in values.items()]
    return sa.or_(sa.false(), *(part for part in parts if part is not None))


def _compares_with(wanted: Comparison, value: _Value, constants: Sequence[Any]) -> sa.ColumnElement[bool] | None:
    if not constants:
        return None
    orders = ORDERINGS.get(wanted.operator)
    return value.in_(constants) if orders is None else orders(value, constants[0])


def _of_kind(constants: Sequence[Constant], kind: Kind) -> list[Any]:
    return [constant.value for constant in constants if constant.kind is kind]
