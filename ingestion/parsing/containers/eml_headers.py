"""The headers of a mail, parsed by the standard library within a budget: its time grows with the square of a header."""

import email.errors
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import Message
from typing import Any, Final

# A malformed header makes the library fail in many ways, none of them documented.
MALFORMED: Final = (ValueError, LookupError, AttributeError, TypeError, AssertionError, email.errors.MessageError)
_LONGEST: Final = 20_000
_BUDGET: Final = _LONGEST**2  # the sum of the squares of all headers of a mail
_SHORTENED: Final = 100
_OF_PARTS: Final = ("content-", "mime-version")


class Headers:
    """Makes the headers that the library asks for, each once.

    Those that say what a part is never fail: where one is malformed or too costly, what is before its parameters counts.
    """

    def __init__(self) -> None:
        self._parse = HeaderRegistry()
        self._known: dict[tuple[str, str], BaseHeader] = {}
        self._left = _BUDGET

    def affords(self, value: str) -> bool:
        """Say whether there is time to parse a header as long as this one."""
        return len(value) ** 2 <= self._left

    def __call__(self, name: str, value: str) -> BaseHeader:
        key = (name.lower(), value)
        if key not in self._known:
            self._known[key] = self._parsed(name, value)
        return self._known[key]

    def _parsed(self, name: str, value: str) -> BaseHeader:
        if not name.lower().startswith(_OF_PARTS):
            return self._made(name, value)
        try:
            return self._made(name, value if self.affords(value) else _shortened(value))
        except MALFORMED:
            return self._parse(name, _shortened(value))

    def _made(self, name: str, value: str) -> BaseHeader:
        self._left -= len(value) ** 2
        return self._parse(name, value)


def can_parse(message: Message, value: str) -> bool:
    """Say whether there is time for the library to parse a header of `message`."""
    headers: Any = message.policy
    return bool(headers.header_factory.affords(value))


def _shortened(value: str) -> str:
    return value[:_SHORTENED].partition(";")[0]
