"""CommonMark, read so that text built to be slow or deep neither stalls the reading nor is lost."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from markdown_it import MarkdownIt, helpers
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_inline import StateInline

_BlockRule = Callable[[StateBlock, int, int, bool], bool]
_NESTING: Final[dict[str, tuple[_BlockRule, list[str]]]] = {  # with what each of them ends, as the library has it
    "blockquote": (blockquote, ["paragraph", "reference", "blockquote", "list"]),
    "list": (list_block, ["paragraph", "reference", "blockquote"]),
}
_LEVELS_OF_A_LIST = 2  # the list itself, and its item


def markdown_parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables and text that is struck through."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for name, (rule, ends) in _NESTING.items():
        parser.block.ruler.at(name, _unless_too_deep(rule), {"alt": ends})
    # The parser takes its helpers from a module, which is every parser's; this one has its own.
    own: Any = SimpleNamespace(**vars(helpers) | {"parseLinkLabel": _end_of_label})
    parser.helpers = own
    return parser


def _unless_too_deep(rule: _BlockRule) -> _BlockRule:
    """Read the marks of the deepest lists and quotes as text: the library leaves out what is nested deeper."""

    def limited(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        is_too_deep = state.level + _LEVELS_OF_A_LIST >= state.md.options.maxNesting
        return not is_too_deep and rule(state, start, end, silent)

    return limited


def _end_of_label(state: StateInline, start: int, without_links: bool = False) -> int:
    """Return where the label that begins at `start` ends, -1 when no link can come of it.

    The library calls this for every bracket, and for up to twenty of those after it: so it looks for the end of any
    label first, and what is known of a place is taken without a call.
    """
    end = "]" if state.env.get("references") else "]("
    if state.html_terminator_last(end) < start:
        return -1
    place, level = start + 1, 1
    while place < state.posMax:
        character = state.src[place]
        level -= character == "]"
        if not level:
            return place
        after = state.cache.get(place) or _end_of_token(state, place)
        if character == "[":
            is_text = after == place + 1
            if without_links and not is_text:
                return -1
            level += is_text
        place = after
    return -1


def _end_of_token(state: StateInline, place: int) -> int:
    before, state.pos = state.pos, place
    state.md.inline.skipToken(state)
    after, state.pos = state.pos, before
    return after
