"""The tree of an HTML file: what in it is shown, and ways through it that depth is no danger to."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

NEVER_SHOWN: Final = frozenset(
    "script style noscript template svg math iframe object embed canvas audio video head select button input textarea".split()
)
BLOCKS: Final = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_XHTML: Final = re.compile(r"<\?xml|http://www\.w3\.org/1999/xhtml", re.IGNORECASE)
_PROLOGUE_CHARS: Final = 2048
_CLOSES_ITSELF: Final = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([a-z][\w:-]*+)((?:[^<>\"'/]|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+)/>",
    re.IGNORECASE,
)
_MOST_DIGITS: Final = 9
_MOST_DEPTH: Final = 1000  # browsers go down to 512; the parser's time grows with the square of it
# Without those that close themselves, and items and cells, which lie in lists and tables that count.
_TAG: Final = re.compile(
    r"<!--(?:.*?-->|.*)|<(script|style|textarea|title)\b(?:.*?</\1|.*)"
    r"|<(/?)(?!(?:area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|param|source|tbody|td|th|thead|tr|track|wbr)\b)"
    r"[a-z][^<>]*>",
    re.IGNORECASE | re.DOTALL,
)


def parsed(markup: str) -> LexborHTMLParser:
    """Return the tree of a piece of HTML or XHTML; tags far deeper than any page's are left out, not what they hold."""
    if _XHTML.search(markup[:_PROLOGUE_CHARS]):
        # What closes itself in XHTML, as `<title/>` does, would swallow the rest of the page here.
        markup = _CLOSES_ITSELF.sub(r"<\1\2></\1>", markup)
    return LexborHTMLParser(_flattened(markup) if markup.count("<") > _MOST_DEPTH else markup)


def _flattened(markup: str) -> str:
    depth = deepest = 0
    for depth, _ in _depths(markup):
        deepest = max(deepest, depth)
    if deepest <= _MOST_DEPTH:
        return markup
    pieces, end = [], 0
    for depth, tag in _depths(markup):
        if depth > _MOST_DEPTH:
            pieces.append(markup[end : tag.start()])
            end = tag.end()
    return " ".join([*pieces, markup[end:]])


def _depths(markup: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the tags that open or close something, with the depth of what they open or close."""
    depth = 0
    for tag in _TAG.finditer(markup):
        if tag[2] is None:
            continue
        if tag[2]:
            yield depth, tag
            depth = max(0, depth - 1)
        else:
            depth += 1
            yield depth, tag


def events(root: LexborNode, enters: Callable[[LexborNode], bool]) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each node when it opens (True) and when it closes; `enters` says which elements are read inside."""
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, opens = stack.pop()
        yield node, opens
        if not opens:
            continue
        stack.append((node, False))
        if node.is_element_node and enters(node):
            children = []
            child = node.child
            while child is not None:
                children.append((child, True))
                child = child.next
            stack.extend(reversed(children))


def number_of(node: LexborNode, attribute: str, default: int) -> int:
    """Return the number in an attribute, `default` when it holds none."""
    value = node.attributes.get(attribute) or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else default


def is_hidden(node: LexborNode) -> bool:
    """Say whether the element says of itself that it is not shown."""
    attributes = node.attributes
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or "display:none" in style
        or "visibility:hidden" in style
    )


def text_of_fragment(markup: str) -> str:
    """Return the text of a piece of HTML without its tags, scripts and styles."""
    tree = parsed(markup)
    tree.strip_tags(["script", "style"])
    return tree.body.text(separator=" ") if tree.body else ""
