"""What the styles of an ODT say of its text: which paragraphs are titles, which lists are numbered."""

from typing import Any, Final

from ingestion.parsing.office.xml_parts import local

_STYLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TITLES: Final = {"Title": 1, "Subtitle": 2}
_MAX_PARENTS: Final = 20


class Styles:
    """Collects styles from the parts that hold some."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._numbered: set[tuple[str, int]] = set()

    def read(self, root: Any) -> None:
        """Take in the styles under `root`, which may be None."""
        for element in root.iter(f"{_STYLE}style", f"{_TEXT}list-style") if root is not None else ():
            name = element.get(f"{_STYLE}name", "")
            if local(element) == "style":
                self._parents[name] = element.get(f"{_STYLE}parent-style-name", "")
                continue
            for level in element.iterchildren(f"{_TEXT}list-level-style-number"):
                # A level without a format counts, but shows no number.
                if level.get(f"{_STYLE}num-format"):
                    self._numbered.add((name, int(level.get(f"{_TEXT}level", "1"))))

    def title_level(self, style: str) -> int | None:
        """Return 1 for titles, 2 for subtitles."""
        for _ in range(_MAX_PARENTS):
            if style in _TITLES or not style:
                break
            style = self._parents.get(style, "")
        return _TITLES.get(style)

    def is_numbered(self, list_style: str, level: int) -> bool:
        """Say whether items of this level, from 1, have numbers."""
        return (list_style, level) in self._numbered
