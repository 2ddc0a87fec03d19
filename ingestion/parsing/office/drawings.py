"""What office files say in drawings: alternative texts of pictures, titles and numbers of charts."""

import re
from typing import Any, Final

from ingestion.parsing.office.decimals import number_text

_FILE_NAME: Final = re.compile(r"\S+\.(?:png|jpe?g|gif|bmp|tiff?|webp|svg|emf|wmf)", re.IGNORECASE)
_BY_A_PROGRAM: Final = re.compile(
    r"\s*(?:Description automatically generated|AI-generated content may be incorrect)\.?\s*$"
)
_MAX_POINTS: Final = 10_000
_STORED: Final = re.compile(r"-?\d+\.\d{9,}")  # a number as it was reckoned, not as anybody typed it


def alternative_text(described: str | None) -> str:
    """Return what a person, or a program for them, says of a picture; nothing when that is a file's name."""
    text = _BY_A_PROGRAM.sub("", described or "").strip()
    return "" if _FILE_NAME.fullmatch(text) else text


def run_text(element: Any) -> str:
    """Return the text of all runs inside an element."""
    return "".join(run.text or "" for run in element.iter("{*}t")).strip()


def chart_title(chart: Any) -> str:
    """Return the title of a chart; those of its axes name what the numbers' own table does."""
    title = chart.find("{*}chart/{*}title")
    return run_text(title) if title is not None else ""


def chart_rows(chart: Any) -> list[list[str]]:
    """Return the numbers of a chart as rows, one column per series, under a row of their names."""
    series = list(chart.iter("{*}ser"))
    if not series:
        return []
    labels = next((found for one in series if (found := _points(one, "cat") or _points(one, "xVal"))), {})
    values = [_numbers(_points(one, "val") or _points(one, "yVal")) for one in series]
    places = sorted({place for column in (labels, *values) for place in column})[:_MAX_POINTS]
    head = ["", *(next(iter(_points(one, "tx").values()), "") for one in series)]
    return [head, *([labels.get(place, ""), *(column.get(place, "") for column in values)] for place in places)]


def _points(series: Any, of: str) -> dict[int, str]:
    """Return the cached points of a series by their number."""
    points = series.iterfind(f"{{*}}{of}//{{*}}pt")
    return {int(place): point.findtext("{*}v") or "" for point in points if (place := point.get("idx", "")).isdecimal()}


def _numbers(points: dict[int, str]) -> dict[int, str]:
    return {place: number_text(float(text)) if _STORED.fullmatch(text) else text for place, text in points.items()}
