"""The groups of an RTF: what holds inside braces, and where the text inside them goes."""

from dataclasses import dataclass, replace
from typing import Final

from ingestion.parsing.office.drawings import alternative_text
from ingestion.parsing.office.rtf_blocks import RtfBlocks
from ingestion.parsing.office.rtf_tables import Tables
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_MAX_DEPTH: Final = 1000
_BODY_LEVEL: Final = 9  # the outline level of text that is no heading
_APART: Final = frozenset("fonttbl stylesheet title sn sv footnote annotation listtext pntext".split())
_SHOWN: Final = frozenset("shpinst shptxt shppict ud fldrslt result".split())
_HOLDERS: Final = frozenset("info pict object upr picprop".split())  # not shown, but something in them is
_IN_HOLDERS: Final = frozenset("title sn sv ud result".split())
_SKIPPED: Final = frozenset(
    "colortbl header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc aftnsep xe tc rxe txe "
    "fldinst shprslt nonshppict filetbl revtbl private".split()
)
DESTINATIONS: Final = _APART | _SHOWN | _HOLDERS | _SKIPPED
"""The words that name what their group is."""

CHANGES: Final = frozenset("pard plain f uc v deleted s outlinelevel intbl".split())
"""The words that say something of the text behind them."""


@dataclass(frozen=True, slots=True)
class State:
    """What a group passes on to the groups inside it; its end brings back what held before."""

    page: str | None = None
    fallback_chars: int = 1
    is_hidden: bool = False
    is_skipped: bool = False
    is_in_holder: bool = False
    level: int | None = None
    in_table: bool = False


class Groups:
    """Keeps the open groups. Some are read apart: notes, names of fonts and styles, what a picture shows."""

    def __init__(self, blocks: RtfBlocks, tables: Tables) -> None:
        self._blocks = blocks
        self._tables = tables
        self._stack: list[tuple[State, bool]] = []
        self._apart: list[tuple[str, list[str]]] = []
        self._began_apart = False
        self._property = ""
        self.state = State()
        self.title: str | None = None

    @property
    def depth(self) -> int:
        """How many groups are open."""
        return len(self._stack)

    @property
    def is_heard(self) -> bool:
        """Whether text is read here."""
        return not (self.state.is_skipped or self.state.is_in_holder or self.state.is_hidden)

    @property
    def reading(self) -> str:
        """What is being read apart from the text of the document; empty when nothing is."""
        return self._apart[-1][0] if self._apart else ""

    def open(self) -> None:
        """Begin a group."""
        if len(self._stack) >= _MAX_DEPTH:
            raise DocumentRejected(ReasonCode.DAMAGED, "nested too deeply")
        self._stack.append((self.state, self._began_apart))
        self._began_apart = False

    def close(self) -> None:
        """End a group."""
        if not self._stack:
            return
        ended_apart = self._began_apart
        self.state, self._began_apart = self._stack.pop()
        if ended_apart:
            name, pieces = self._apart.pop()
            self._keep(name, "".join(pieces))
        elif self.reading == "stylesheet":
            self._tables.name_style("".join(self._apart[-1][1]))
            self._apart[-1][1].clear()

    def enter(self, word: str, *, starred: bool) -> bool:
        """Say whether the word names what its group is, and take that in."""
        if not starred and word not in DESTINATIONS:
            return False
        state = self.state
        if state.is_skipped or (state.is_in_holder and word not in _IN_HOLDERS):
            return True
        if word in _APART or word in _SHOWN:
            self.state = replace(state, is_in_holder=False)
        else:
            self.state = replace(state, is_in_holder=word in _HOLDERS, is_skipped=word not in _HOLDERS)
        if word in _APART and not self._began_apart:
            self._apart.append((word, []))
            self._began_apart = True
        return True

    def change(self, word: str, number: int | None) -> None:
        """Take in what a word says of the text behind it."""
        match word:
            case "pard":
                self.state = replace(self.state, level=None, in_table=False)
            case "plain":
                self.state = replace(self.state, is_hidden=False, page=None)
            case "f":
                self.state = replace(self.state, page=self._tables.page_of_font(number or 0))
            case "uc":
                self.state = replace(self.state, fallback_chars=max(0, number or 0))
            case "v" | "deleted":
                self.state = replace(self.state, is_hidden=number != 0)
            case "s":
                self.state = replace(self.state, level=self._tables.level_of_style(number))
            case "outlinelevel" if number is not None:
                self.state = replace(self.state, level=number + 1 if 0 <= number < _BODY_LEVEL else None)
            case "intbl":
                self.state = replace(self.state, in_table=True)

    def write(self, text: str) -> None:
        """Add text to what is being read."""
        if not self.is_heard:
            return
        if self._apart:
            self._apart[-1][1].append(text)
        else:
            self._blocks.write(text)

    def _keep(self, name: str, text: str) -> None:
        match name:
            case "title":
                self.title = text.strip() or None
            case "footnote" | "annotation" if not self._apart:
                self._blocks.note(text, is_comment=name == "annotation")
            case "listtext" | "pntext" if not self._apart:
                self._blocks.mark = text
            case "sn":
                self._property = text.strip()
            case "sv" if self._property == "wzDescription" and not self._apart:
                self._blocks.write(alternative_text(text))
