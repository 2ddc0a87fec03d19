"""What to upload: files below folders, or the rows of a JSON-lines file. Nothing here talks to the service."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag_service.domain.file_endings import READ_ENDINGS
from rag_service.domain.rows import Row, read_row
from rag_service.errors import InvalidRequest

_ROW_FILES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A document to be: `key` is its name in the corpus, `content` its bytes or where they are."""

    key: str
    filename: str
    content: Path | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that will not be uploaded, and why."""

    name: str
    reason: str


def items_in(paths: Iterable[Path]) -> tuple[list[Item], list[Skipped]]:
    """Return the supported files at and below `paths`, by key, and what was skipped.

    A file below a folder is known by its path inside that folder, so that the same folder
    uploaded again from elsewhere updates the same documents.

    Raises:
        InvalidRequest: two files would be the same document.
    """
    items: dict[str, Item] = {}
    skipped: list[Skipped] = []
    for path in paths:
        for key, file in _files(path, skipped):
            if key in items:
                raise InvalidRequest(f"Two files would be the document {key}: {_place(items[key])} and {file}.")
            items[key] = Item(key=key, filename=file.name, content=file)
    return [items[key] for key in sorted(items)], skipped


def rows_in(paths: Iterable[Path]) -> Iterator[Row]:
    """Yield the rows {id, title, text} of the .jsonl and .jsonl.gz files at `paths`.

    Raises:
        InvalidRequest: a row cannot be read; the message names file and line.
    """
    for path in paths:
        if not path.name.endswith(_ROW_FILES):
            raise InvalidRequest(f"{path} is not a .jsonl or .jsonl.gz file.")
        yield from _rows_of(path)


def _place(item: Item) -> str:
    return str(item.content) if isinstance(item.content, Path) else item.filename


def _files(path: Path, skipped: list[Skipped]) -> Iterator[tuple[str, Path]]:
    files = _walk(path, skipped) if path.is_dir() else [path]
    for file in files:
        key = file.relative_to(path).as_posix() if path.is_dir() else path.name
        if key.lower().endswith(READ_ENDINGS):
            yield key, file
        else:
            skipped.append(Skipped(name=key, reason=f"not a kind of file that is read ({file.suffix or 'no ending'})"))


def _walk(folder: Path, skipped: list[Skipped]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            skipped.append(Skipped(name=entry.name, reason="hidden"))
        elif entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, skipped)
        elif entry.is_file():
            yield entry
        else:
            # A link to a folder may lead back to where it lies.
            skipped.append(Skipped(name=entry.name, reason="a link to a folder, or not a plain file"))


def _rows_of(path: Path) -> Iterator[Row]:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield read_row(str(line), f"{path}, line {number}")
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as exc:
            raise InvalidRequest(f"{path} cannot be read as UTF-8 JSON lines: {exc}") from exc
