"""What stands on a sheet but in no cell: comments, text boxes, titles of charts, alternative texts of pictures."""

import zipfile
from collections.abc import Iterator
from typing import Any, Final

from ingestion.parsing.office.comments import comment_text
from ingestion.parsing.office.drawings import alternative_text, chart_title, run_text
from ingestion.parsing.office.xml_parts import local, part, related

_COPY_OF_THREAD: Final = "[Threaded comment]"  # how Excel begins its copy for programs that know no threads


def notes(archive: zipfile.ZipFile, sheet: str) -> list[str]:
    """Return the notes of the sheet in the part `sheet`, drawings first."""
    relations = sorted(related(archive, sheet).values()) if sheet else []
    texts = [
        *(text for kind, name in relations if kind == "drawing" for text in _drawing(archive, name)),
        *(text for kind, name in relations if kind == "comments" for text in _comments(part(archive, name))),
        *(
            text
            for kind, name in relations
            if kind == "threadedComment"
            for text in _thread(part(archive, name), _persons(archive))
        ),
    ]
    return [text for text in texts if text]


def _drawing(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    root = part(archive, name)
    if root is None:
        return
    for element in root.iter():
        match local(element):
            case "cNvPr":
                yield alternative_text(element.get("descr"))
            case "p":
                yield run_text(element)
    for kind, chart in sorted(related(archive, name).values()):
        drawn = part(archive, chart) if kind in ("chart", "chartEx") else None
        # The numbers of a chart are in cells, its title often nowhere else.
        yield chart_title(drawn) if drawn is not None else ""


def _comments(root: Any) -> Iterator[str]:
    if root is None:
        return
    authors = [author.text or "" for author in root.iterfind("{*}authors/{*}author")]
    for comment in root.iter("{*}comment"):
        number, text = comment.get("authorId", ""), run_text(comment)
        author = authors[int(number)] if number.isdecimal() and int(number) < len(authors) else ""
        if not text.startswith(_COPY_OF_THREAD):
            yield comment_text(text, author=author, place=comment.get("ref", ""))


def _thread(root: Any, persons: dict[str, str]) -> Iterator[str]:
    for comment in root.iter("{*}threadedComment") if root is not None else ():
        author = persons.get(comment.get("personId", ""), "")
        yield comment_text(comment.findtext("{*}text") or "", author=author, place=comment.get("ref", ""))


def _persons(archive: zipfile.ZipFile) -> dict[str, str]:
    names = [name for kind, name in related(archive, "xl/workbook.xml").values() if kind == "person"]
    roots = [root for name in names if (root := part(archive, name)) is not None]
    return {person.get("id", ""): person.get("displayName", "") for root in roots for person in root.iter("{*}person")}
