"""Conditions on documents as people type them, in the shape of the API's filters."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import click

_CONDITION = re.compile(r"\s*(?P<key>[^=!<>]*[^=!<>\s])\s*(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_TYPES = {"=": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def filters_of(conditions: Sequence[str]) -> dict[str, Any] | None:
    """Return the filter that asks for all of the conditions, None without any.

    Raises:
        click.BadParameter: a condition has no key or no sign.
    """
    filters = [_comparison(condition) for condition in conditions]
    return {"type": "and", "filters": filters} if filters else None


def _comparison(condition: str) -> dict[str, Any]:
    parts = _CONDITION.fullmatch(condition)
    if parts is None:
        raise click.BadParameter(f"{condition!r} is not like key=value.", param_hint="--where")
    return {"type": _TYPES[parts["sign"]], "key": parts["key"], "value": _value(parts["value"].strip())}


def _value(text: str) -> str | float | bool:
    """Return a finite number, true or false as such, a text in quotes without them, and all else as it is."""
    try:
        value = json.loads(text)
        is_value = isinstance(value, str) or (isinstance(value, float | int) and math.isfinite(value))
    except (ValueError, OverflowError):
        return text
    return value if is_value else text
