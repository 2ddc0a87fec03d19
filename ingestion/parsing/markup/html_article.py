"""Where the article of a page is: for pages that say of themselves that they are one, such as news and blog posts.

Paragraphs vote for what holds them, the more the longer they are; the smallest part with most of the votes is the article.
Then what stands beside the matter goes: lists of links, invitations to share and to subscribe.
"""

import re
from dataclasses import dataclass
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

# An encyclopaedia calls its pages articles too, of no kind in particular; there, lists of links are worth reading.
_TYPE: Final = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:(?:News|Opinion|Review|Reportage\w*|Analysis\w*)Article|\w*BlogPosting)"'
)
_ITEM_TYPE: Final = re.compile(r"schema\.org/\w*(?:Article|BlogPosting|Report|Review)\b")
_STARTS: Final = ('[itemprop="articleBody"]', "main, [role=main]", "article")
_MIN_START_SHARE: Final = 0.2  # of all votes, for what a page marks as its main part to be believed
_SHARE: Final = 0.7  # of the votes, for the search to go on inside; 0.8 gives the same
_MIN_ARTICLE_CHARS: Final = 250
_MIN_CHARS: Final = 25  # of a paragraph that votes
_ENOUGH_CHARS: Final = 1000  # more do not count: whole pages without paragraphs would outvote all else
_ITEM_WEIGHT: Final = 0.5
_MAX_LINK_SHARE: Final = 0.5
_LINE_CHARS: Final = 200  # a paragraph this long may be a list of links to read
_PART_SHARE: Final = 0.4  # of the text is not beside the matter, whatever its class says
_BESIDE: Final = re.compile(
    r"(?:^|[\s_-])(?:ads?|advert\w*|author-?(?:bio|box|info|card)|breadcrumbs?|byline|caption|comments?|cookies?|cta|disclaimer|disqus|"
    r"follow|footer|masthead|menu|meta|more-?stories|most-?(?:popular|read)|nav|newsletter|outbrain|pagination|paywall|popup|"
    r"print|promo\w*|read-?(?:also|more|next)|recirc\w*|recommend\w*|related\w*|shar(?:e|ing)\w*|sidebar|signup|skip|social\w*|"
    r"sponsor\w*|subscri\w*|taboola|tags?|teaser|toolbar|trending|widget)(?:$|[\s_-])",
    re.IGNORECASE,
)
_BESIDE_TAGS: Final = frozenset("nav aside footer form".split())
_UNSEEN: Final = frozenset("script style noscript template svg iframe button select textarea".split())
_BLOCKS: Final = frozenset(
    "address article aside blockquote body dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header li main "
    "nav ol p pre section table tbody td tfoot th thead tr ul".split()
)
_VOTERS: Final = frozenset("article blockquote div li main p pre section td".split())
_WHOLE: Final = frozenset("blockquote li ol p pre table tr ul".split())  # the article is not to be found inside of one
_PRUNED: Final = frozenset("div section ul ol table p dl h2 h3 h4 li".split())


@dataclass(frozen=True, slots=True)
class Article:
    """`root` holds the article; the nodes inside of it whose `mem_id` is among `beside` are no part of it."""

    root: LexborNode
    beside: frozenset[int]


def find_article(tree: LexborHTMLParser) -> Article | None:
    """Return the article of a page that states that it is one, None for other pages."""
    if tree.body is None or not _states_article(tree):
        return None
    parts = _parts(tree.body)
    _vote(parts)
    root = _root(parts, tree)
    beside = _beside(root) if root else []
    if root is None or root.chars - sum(part.chars for part in beside) < _MIN_ARTICLE_CHARS:
        return None
    return Article(root.node, frozenset(part.node.mem_id for part in beside))


def _states_article(tree: LexborHTMLParser) -> bool:
    kind = tree.css_first('meta[property="og:type"]')
    if kind is not None and (kind.attributes.get("content") or "").lower() == "article":
        return True
    if any(_ITEM_TYPE.search(node.attributes.get("itemtype") or "") for node in tree.css("[itemtype]")):
        return True
    return any(_TYPE.search(node.text()) for node in tree.css('script[type="application/ld+json"]'))


class _Part:
    """An element with its characters, those in links, and those outside of any block inside of it."""

    __slots__ = ("chars", "children", "in_link", "linked", "linked_said", "node", "parent", "said", "tag", "votes")

    def __init__(self, node: LexborNode, parent: "_Part | None") -> None:
        self.node, self.parent = node, parent
        self.tag = node.tag or ""
        self.in_link: bool = self.tag == "a" or (parent is not None and parent.in_link)
        self.children: list[_Part] = []
        self.chars = self.linked = self.said = self.linked_said = 0
        self.votes = 0.0

    @property
    def link_share(self) -> float:
        return self.linked / max(1, self.chars)

    def is_named_beside(self) -> bool:
        attributes = self.node.attributes
        return _BESIDE.search(f"{attributes.get('class') or ''} {attributes.get('id') or ''}") is not None


def _parts(body: LexborNode) -> list[_Part]:
    """Return the elements in the order of the page, measured, in one pass without recursion."""
    parts: list[_Part] = []
    stack: list[tuple[LexborNode, _Part | None]] = [(body, None)]
    while stack:
        node, parent = stack.pop()
        part = _Part(node, parent)
        parts.append(part)
        if parent is not None:
            parent.children.append(part)
        elements = []
        child = node.child
        while child is not None:
            if child.is_text_node:
                _count(part, len(" ".join((child.text_content or "").split())))
            elif child.is_element_node and child.tag not in _UNSEEN:
                elements.append((child, part))
            child = child.next
        stack.extend(reversed(elements))
    for part in reversed(parts):
        if part.parent is not None:
            part.parent.chars += part.chars
            part.parent.linked += part.linked
            if part.tag not in _BLOCKS:
                part.parent.said += part.said
                part.parent.linked_said += part.linked_said
    return parts


def _count(part: _Part, chars: int) -> None:
    part.chars += chars
    part.said += chars
    if part.in_link:
        part.linked += chars
        part.linked_said += chars


def _vote(parts: list[_Part]) -> None:
    total = sum(part.chars for part in parts if part.tag == "p")
    beside: set[int] = set()
    for part in parts:
        is_part = part.chars >= _PART_SHARE * total
        named = part.tag in _BESIDE_TAGS or part.is_named_beside()
        if (named and not is_part) or (part.parent is not None and id(part.parent) in beside):
            beside.add(id(part))
        elif part.tag in _VOTERS and part.said >= _MIN_CHARS and not part.in_link:
            link_share = part.linked_said / part.said
            weight = _ITEM_WEIGHT if part.tag == "li" else 1.0
            if link_share <= _MAX_LINK_SHARE:
                part.votes = weight * (1 - link_share) * min(part.said, _ENOUGH_CHARS) ** 2
    for part in reversed(parts):
        if part.parent is not None:
            part.parent.votes += part.votes


def _root(parts: list[_Part], tree: LexborHTMLParser) -> _Part | None:
    root = _start(parts, tree)
    if root.votes <= 0:
        return None
    while root.children:
        best = max(root.children, key=lambda part: part.votes)
        if best.votes < _SHARE * root.votes or best.tag in _WHOLE or best.tag not in _BLOCKS:
            break
        root = best
    return root


def _start(parts: list[_Part], tree: LexborHTMLParser) -> _Part:
    by_node = {part.node.mem_id: part for part in parts}
    for selector in _STARTS:
        found = [by_node[node.mem_id] for node in tree.css(selector) if node.mem_id in by_node]
        if len(found) == 1 and found[0].votes > _MIN_START_SHARE * parts[0].votes:
            return found[0]
    return parts[0]


def _beside(root: _Part) -> list[_Part]:
    found, stack = [], list(root.children)
    while stack:
        part = stack.pop()
        if _is_beside(part, root):
            found.append(part)
        else:
            stack.extend(part.children)
    return found


def _is_beside(part: _Part, root: _Part) -> bool:
    if part.chars < _PART_SHARE * root.chars and (
        part.tag in _BESIDE_TAGS or (part.tag in _BLOCKS and part.is_named_beside())
    ):
        return True
    full_of_links = part.tag in _PRUNED and part.chars > 0 and part.link_share > _MAX_LINK_SHARE
    return full_of_links and (part.tag != "p" or part.chars < _LINE_CHARS)
