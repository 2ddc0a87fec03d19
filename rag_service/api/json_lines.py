"""Replies of one JSON value a line."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Response

MEDIA_TYPE = "application/x-ndjson"

JSON_LINES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}
"""Such a reply in the description of the API."""


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Response:
    """Return rows as a reply; half a character becomes a question mark."""
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return Response(body.encode("utf-8", "replace"), media_type=MEDIA_TYPE)
