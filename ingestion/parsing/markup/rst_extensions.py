"""What Sphinx and other tools add to reStructuredText: unknown to docutils, which would drop all that is in it."""

import re
from collections import defaultdict
from typing import Any, ClassVar, Final

from docutils import nodes  # type: ignore[import-untyped]
from docutils.parsers.rst import Directive, directives, roles  # type: ignore[import-untyped]
from docutils.parsers.rst.languages import en  # type: ignore[import-untyped]

_DIRECTIVE: Final = re.compile(r"\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([^\W_][\w:.+-]{0,60}?)[ \t]?::(?:\s|$)", re.MULTILINE)
_ROLE: Final = re.compile(r"(?::([^\W_][\w:.+-]{0,60}?):`)|(?:`:([^\W_][\w:.+-]{0,60}?):)")
_TARGET: Final = re.compile(r"\s*<[^<>]*>$")
_CODE: Final = frozenset({"code", "code-block", "sourcecode", "math", "doctest", "testcode", "testoutput", "prompt"})
# What they hold is for the machine, or changes from day to day.
_SILENT: Final = frozenset(
    "toctree index highlight currentmodule default-domain tabularcolumns meta automodule autoclass autofunction "
    "automethod autosummary literalinclude date".split()
)
_UNTITLED: Final = frozenset({"only", "ifconfig", "tabs", "hlist", "container", "module", "py:module", "glossary"})

_LEADS: Final = {
    "versionadded": ("Added in version",),
    "versionchanged": ("Changed in version",),
    "versionremoved": ("Removed in version",),
    "deprecated": ("Deprecated since version",),
    "seealso": ("See also:",),
    "todo": ("To do:",),
}


def allow_extensions(source: str) -> None:
    """Make the directives and roles in `source` known that docutils does not know.

    What a name means depends on the name alone, so that a file is read alike whatever was read before.
    """
    for name in {found.lower() for found in _DIRECTIVE.findall(source)}:
        if name in _CODE:
            directives.register_directive(name, _Literal)
        elif name in _SILENT:
            directives.register_directive(name, _Nothing)
        elif name not in en.directives:
            directives.register_directive(name, _Untitled if name in _UNTITLED else _Titled)
    for name in {(before or after).lower() for before, after in _ROLE.findall(source)}:
        if name not in en.roles:
            roles.register_local_role(name, _reference)


def forget_default_role() -> None:
    """Undo what a `default-role` set; the library forgets to when reading ends with an error."""
    roles._roles.pop("", None)  # noqa: SLF001


class _Any(Directive):  # type: ignore[misc]
    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = defaultdict(lambda: directives.unchanged, {"name": directives.unchanged})


class _Nothing(_Any):
    def run(self) -> list[nodes.Node]:
        return []


class _Literal(_Any):
    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        if self.name == "math" and self.arguments:
            text = f"{self.arguments[0]}\n{text}"
        caption = self.options.get("caption", "")
        named: list[nodes.Node] = [nodes.paragraph(caption, caption)] if caption else []
        return [*named, nodes.literal_block(text, text)]


class _Untitled(_Any):
    def run(self) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        return [content]


class _Titled(_Untitled):
    def run(self) -> list[nodes.Node]:
        title = " ".join([*_LEADS.get(self.name, ()), *self.arguments])
        return [nodes.paragraph(title, title), *super().run()]


def _reference(
    _name: str, rawtext: str, text: str, *_rest: object, **_options: object
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return what a reader sees of a reference such as :ref:`the guide <guide>`."""
    shown = _TARGET.sub("", nodes.unescape(text)) or text
    if shown.startswith("~"):
        shown = shown.rpartition(".")[2].lstrip("~")
    return [nodes.inline(rawtext, shown.lstrip("!"))], []
