"""Numbers as spreadsheets show them, not as they are stored."""

from typing import Final

_SIGNIFICANT_DIGITS: Final = 15  # as many as spreadsheets keep: 0.1 + 0.2 is 0.3 in them


def number_text(value: float) -> str:
    """Return the digits of a number that a spreadsheet keeps; a whole one has no point."""
    whole = value.is_integer() and abs(value) < 10**_SIGNIFICANT_DIGITS
    return str(int(value)) if whole else f"{value:.{_SIGNIFICANT_DIGITS}g}"
