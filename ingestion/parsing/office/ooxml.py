"""What all parts of a Word file share: attributes in either dialect of the standard, and switches."""

from collections.abc import Iterator
from typing import Any, Final

from ingestion.parsing.office.xml_parts import local

ON: Final = frozenset({"1", "true", "on"})
"""How an attribute says yes."""

_OFF: Final = frozenset({"0", "false", "off"})


def own(element: Any, name: str, default: str = "") -> str:
    """Return the attribute `name` in the element's own namespace, which differs between the dialects."""
    namespace, brace, _ = element.tag.rpartition("}")
    return str(element.get(f"{namespace}{brace}{name}", default))


def any_of(element: Any, name: str) -> str:
    """Return the attribute `name` of whatever namespace."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def child_value(element: Any, name: str) -> str:
    """Return what the child `name` has as its value; empty without the child."""
    child = element.find(f"{{*}}{name}") if element is not None else None
    return own(child, "val") if child is not None else ""


def number_of(value: str, default: int = 0) -> int:
    """Return a number as it is written in an attribute."""
    return int(value) if value.removeprefix("-").isdecimal() and len(value) < 10 else default  # noqa: PLR2004


def is_on(switch: Any) -> bool:
    """Say whether an element that switches something on is there and does."""
    return switch is not None and own(switch, "val") not in _OFF


def within(element: Any, name: str, *, wrappers: frozenset[str]) -> Iterator[Any]:
    """Yield the children `name`, also those inside wrappers such as content controls."""
    for child in element:
        tag = local(child)
        if tag == name:
            yield child
        elif tag in wrappers:
            yield from within(child, name, wrappers=wrappers)
