"""Which paragraphs of a shape are list items: what they say themselves, else what their layout and master say."""

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pptx.enum.shapes import PP_PLACEHOLDER

from ingestion.parsing.office.xml_parts import local

if TYPE_CHECKING:
    from pptx.text.text import _Paragraph

_BODY: Final = frozenset({PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY})
_SAY: Final = {"buNone": "", "buChar": "-", "buBlip": "-", "buAutoNum": "#"}


class Marks:
    """Gives the paragraphs of one shape, in order, their bullets and numbers."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._numbers: dict[int, int] = defaultdict(int)

    @cached_property
    def _styles(self) -> list[Any]:
        return _styles(self._shape)

    def of(self, paragraph: "_Paragraph") -> str:
        """Return "- ", "3. " or nothing."""
        level = paragraph.level
        for deeper in [number for number in self._numbers if number > level]:
            del self._numbers[deeper]
        said = _said(paragraph._p.pPr)  # noqa: SLF001
        if said is None:
            inherited = (_said(style.find(f"{{*}}lvl{level + 1}pPr")) for style in self._styles)
            said = next((mark for mark in inherited if mark is not None), None)
        if said != "#":
            self._numbers.pop(level, None)
            return f"{said} " if said else ""
        if paragraph.text.strip():
            self._numbers[level] += 1
        return f"{self._numbers[level]}. "


def _styles(shape: Any) -> list[Any]:
    """Return the list styles that hold for the shape, nearest first."""
    frames = [shape]
    if shape.is_placeholder:
        layout = shape._base_placeholder if hasattr(shape, "_base_placeholder") else None  # noqa: SLF001
        frames += [layout, layout._base_placeholder if layout is not None else None]  # noqa: SLF001
    found = [frame.element.find("{*}txBody/{*}lstStyle") for frame in frames if frame is not None]
    styles = [style for style in found if style is not None]
    if shape.is_placeholder and shape.placeholder_format.type in _BODY:
        master = shape.part.slide_layout.slide_master
        styles += master.element.iterfind("{*}txStyles/{*}bodyStyle")
    return styles


def _said(properties: Any) -> str | None:
    names = [local(child) for child in properties] if properties is not None else []
    return next((_SAY[name] for name in names if name in _SAY), None)
